"""What it costs to run a task by hand, beside a bare ``delay()`` and one committed row."""

import statistics
from collections.abc import Callable, Iterator
from unittest import mock

from django.db import connection, transaction

from celery_ops.models import TaskRunRecord
from celery_ops.running import launcher
from celery_ops.running.launcher import Run, launch
from tests.celery import app
from tests.shop import tasks

from .publish import timed
from .setup import Figure, client, default_store

ROUNDS = 5
CALLS = 100
NAME = tasks.untracked_noop.name


def launching() -> Iterator[Figure]:
    default_store()
    run = Run(NAME, app.tasks[NAME], [1])
    calls: dict[str, Callable[[], object]] = {
        "bare": _bare,
        "sent": lambda: _until_sent(run),
        "launch": lambda: launch(run, None),
    }
    for call in calls.values():
        for _ in range(20):
            call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS * CALLS):  # in turn, so that a drift of the machine meets both
        for name, call in calls.items():
            taken[name].append(timed(call))
    client(0).flushdb()
    bare, sent, whole = (statistics.median(taken[name]) for name in calls)
    vendor = connection.vendor
    yield Figure(f"{vendor}: until sent / (a committed row + delay())", f"{sent / bare:.2f}", "<= 1.50")
    yield Figure(f"{vendor}: launch(), its row completed / the same", f"{whole / bare:.2f}", "")
    yield Figure(f"{vendor}: launch(), median", f"{whole * 1000:.2f} ms", "")


def _until_sent(run: Run) -> None:
    with mock.patch.object(launcher, "complete"):  # the row's second write comes after the message has left
        launch(run, None)


def _bare() -> None:
    with transaction.atomic(durable=True):
        TaskRunRecord.objects.create(task_name=NAME, task_id="x")
    tasks.untracked_noop.delay(1)
