"""The soak's Celery app: ``celery -A tests.chaos.site worker``. What Celery's signals say is told as the truth."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chaos.settings")

import json
from importlib import import_module
from uuid import uuid4

from celery import Celery, signals
from celery.exceptions import Reject

from tests.chaos.truth import tell

#: The header of a message that names it.
MESSAGE = "chaos_message"

app = Celery("chaos", include=["tests.chaos.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = {
    f"every-{seconds}": {"task": "tests.chaos.tasks.ticks", "schedule": float(seconds), "args": [seconds]}
    for seconds in (11, 13, 17)
}

for path, value in json.loads(os.environ.get("CHAOS_HURRY", "{}")).items():
    module, _, constant = path.rpartition(".")
    setattr(import_module(module), constant, value)


def _attempt(request):
    return (request.retries or 0) + 1


@signals.worker_process_init.connect(weak=False)
def forked(**_):
    tell("forked", text=str(os.getppid()))


@signals.before_task_publish.connect(weak=False)
def named(headers, **_):
    headers[MESSAGE] = str(uuid4())


@signals.after_task_publish.connect(weak=False)
def sent(sender, headers, body, **_):
    entry = f"every-{body[0][0]}" if sender.endswith(".ticks") else ""
    tell("sent", headers["id"], name=sender, attempt=headers["retries"] + 1, text=entry, message=headers[MESSAGE])


@signals.task_prerun.connect(weak=False)
def started(sender, task_id, **_):
    message = sender.request.get(MESSAGE, "")
    tell("started", task_id, name=sender.name, attempt=_attempt(sender.request), message=message)


@signals.task_success.connect(weak=False)
def succeeded(sender, **_):
    tell("succeeded", sender.request.id, name=sender.name, attempt=_attempt(sender.request))


@signals.task_failure.connect(weak=False)
def failed(sender, task_id, exception, **_):
    """In the pool, and in the main process, which does not say of which attempt."""
    if not isinstance(exception, Reject):
        attempt = _attempt(sender.request) if sender.request.id == task_id else 0
        tell("failed", task_id, name=sender.name, attempt=attempt, text=type(exception).__name__)


@signals.task_internal_error.connect(weak=False)
def went_wrong(sender, task_id, request, exception, **_):
    """Outside of its own code: its result could not be stored."""
    attempt = (request.get("retries") or 0) + 1
    tell("internal error", task_id, name=sender.name, attempt=attempt, text=type(exception).__name__)


@signals.task_retry.connect(weak=False)
def retried(sender, request, reason=None, **_):
    if reason is not None:
        tell("retried", request.id, name=sender.name, attempt=_attempt(request))


@signals.task_postrun.connect(weak=False)
def rejected(sender, task_id, state, **_):
    """So does a retry that the broker does not take."""
    if state == "REJECTED":
        tell("rejected", task_id, name=sender.name, attempt=_attempt(sender.request))


@signals.task_revoked.connect(weak=False)
def revoked(sender, request, terminated, **_):
    tell("revoked", request.id, name=sender.name, attempt=0, text="terminated" if terminated else "")
