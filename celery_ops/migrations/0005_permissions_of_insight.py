from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("celery_ops", "0004_claims_of_runs"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="controlrecord",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("revoke_task", "Can revoke tasks"),
                    ("control_workers", "Can control workers"),
                    ("manage_queues", "Can manage queues"),
                    ("resolve_failures", "Can resolve failure groups"),
                    ("manage_schedules", "Can manage schedules"),
                ],
                "verbose_name": "control action",
                "verbose_name_plural": "control actions",
            },
        ),
    ]
