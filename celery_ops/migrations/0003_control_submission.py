from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("celery_ops", "0002_journal_of_runs"),
    ]

    operations = [
        migrations.AddField(
            model_name="controlrecord",
            name="submission",
            field=models.UUIDField(blank=True, editable=False, null=True, unique=True, verbose_name="submission"),
        ),
    ]
