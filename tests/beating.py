"""The tests' Celery app with a schedule of a test's own: ``celery -A tests.beating beat``.

``TEST_BEAT_SCHEDULE`` is JSON: ``{name: {"task": …, "every": seconds, …}}``, or ``"cron": "m h dM MY d"``.
"""

import json
import os
from importlib import import_module

from celery.schedules import crontab

from tests.celery import app as app


def schedule_of(entries):
    """Return ``beat_schedule`` of entries as they lie in JSON."""
    return {name: _entry(dict(entry)) for name, entry in entries.items()}


def _entry(entry):
    cron = entry.pop("cron", None)
    schedule = crontab.from_string(cron) if cron else float(entry.pop("every"))
    return {**entry, "schedule": schedule}


if "TEST_HURRY" in os.environ:
    import_module("tests.quick_app")
app.conf.beat_enable_remote_control = "TEST_BEAT_ANSWERS" in os.environ
app.conf.beat_schedule = schedule_of(json.loads(os.environ.get("TEST_BEAT_SCHEDULE", "{}")))
if url := os.environ.get("TEST_REDBEAT_URL"):
    app.conf.redbeat_redis_url = url
    app.conf.redbeat_key_prefix = os.environ["TEST_REDBEAT_PREFIX"]
    app.conf.redbeat_lock_timeout = int(os.environ.get("TEST_REDBEAT_LOCK", "30"))
