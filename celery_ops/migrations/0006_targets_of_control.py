from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("celery_ops", "0005_permissions_of_insight"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="controlrecord",
            index=models.Index(fields=["target"], name="celery_ops_control_target"),
        ),
    ]
