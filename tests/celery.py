"""The tests' Celery app: ``celery -A tests.celery worker``."""

import itertools
import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

app = Celery("tests")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="typed")


@signals.worker_init.connect
def _tag_as_no_other_worker(**_):
    """Two workers tag deliveries of one message alike once in thousands of times: not those of a test."""
    if first := os.environ.get("TEST_FIRST_TAG"):
        from celery_ops.tracking import facts

        tags = itertools.count(int(first))
        facts._tags = lambda pid: tags
