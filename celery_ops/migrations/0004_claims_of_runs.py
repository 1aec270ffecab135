from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("celery_ops", "0003_control_submission"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunClaim",
            fields=[
                ("key", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("claimed_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AlterField(  # its word for people: nothing is done to the table
            model_name="taskrunrecord",
            name="send_state",
            field=models.CharField(
                choices=[("REQUESTED", "Requested"), ("SENT", "Sent"), ("FAILED", "Not sent")],
                default="REQUESTED",
                max_length=9,
                verbose_name="send state",
            ),
        ),
    ]
