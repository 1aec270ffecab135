"""What it costs to run a task by hand."""

from collections.abc import Iterator
from unittest import mock

from django.db import connection, transaction

from celery_ops.models import TaskRunRecord
from celery_ops.running import launcher
from celery_ops.running.launcher import Run, launch
from tests.celery import app
from tests.shop import tasks

from .figures import Figure, at_most
from .registry import ACTIONS, benchmark
from .setup import client, default_store
from .timing import in_turn, sized

CALLS = sized(500, quick=5)
NAME = tasks.untracked_noop.name


@benchmark("runs", ACTIONS)
def launching() -> Iterator[Figure]:
    """A task run by hand, beside a bare delay() and one committed row."""
    default_store()
    run = Run(NAME, app.tasks[NAME], [1])
    bare, sent, whole = in_turn(_bare, lambda: _until_sent(run), lambda: launch(run, None), rounds=CALLS, warm=20)
    client(0).flushdb()
    vendor, peer = connection.vendor, "row + delay()"
    yield Figure.of(f"{vendor}: until sent", sent, "ms", peer=peer, theirs=bare, ratio_target=at_most(1.5))
    yield Figure.of(f"{vendor}: its row completed", whole, "ms", peer=peer, theirs=bare)


def _until_sent(run: Run) -> None:
    with mock.patch.object(launcher, "complete"):  # the row's second write comes after the message has left
        launch(run, None)


def _bare() -> None:
    with transaction.atomic(durable=True):
        TaskRunRecord.objects.create(task_name=NAME, task_id="x")
    tasks.untracked_noop.delay(1)
