import uuid

import django.db.models.deletion
from django.db import migrations, models

import inventory.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Item",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=100)),
                ("sku", models.CharField(max_length=30, unique=True, verbose_name="SKU")),
                ("image_url", models.URLField(blank=True, verbose_name="image address")),
                (
                    "image",
                    models.ImageField(blank=True, editable=False, upload_to=inventory.models.image_path),
                ),
                (
                    "qr_code",
                    models.ImageField(
                        blank=True,
                        editable=False,
                        upload_to=inventory.models.qr_code_path,
                        verbose_name="QR code",
                    ),
                ),
                (
                    "index_card",
                    models.FileField(blank=True, editable=False, upload_to=inventory.models.index_card_path),
                ),
                (
                    "average_lead_time",
                    models.FloatField(editable=False, null=True, verbose_name="average lead time in days"),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Supplier",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="LeadTime",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("ordered_on", models.DateField()),
                ("received_on", models.DateField()),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lead_times",
                        to="inventory.item",
                    ),
                ),
            ],
            options={
                "ordering": ["-ordered_on"],
            },
        ),
        migrations.AddField(
            model_name="item",
            name="supplier",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="items", to="inventory.supplier"
            ),
        ),
    ]
