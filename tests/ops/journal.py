"""What the tests of the journal share: rows of it."""

from datetime import timedelta

from django.utils import timezone

from celery_ops.models import TaskRunRecord

from .conftest import OPS

JOURNAL = f"{OPS}journal/"
PAYMENT = "tests.shop.tasks.process_payment"
NOOP = "tests.shop.tasks.noop"


def id_of(number):
    return f"{number:08d}-1f0a-4f6f-9f0e-4d2f5b3c7a10"


def journal(number=1, user=None, *, ago=timedelta(minutes=5), **fields):
    """Let the journal have a run that was asked for ``ago``."""
    known = {"task_name": PAYMENT, "task_id": id_of(number), "send_state": "SENT", "user": user}
    known["username"] = user.get_username() if user else "somebody"
    record = TaskRunRecord.objects.create(**{**known, **fields})
    TaskRunRecord.objects.filter(pk=record.pk).update(created_at=timezone.now() - ago)
    record.refresh_from_db()
    return record


def url_of(record):
    return f"{JOURNAL}{record.pk}/"
