"""Failed tasks run again in bulk. ``TEST_DATABASE=postgresql``."""

import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

from celery.utils import uuid
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.bulk.base import progress_of
from celery_ops.bulk.rerun import RerunAction
from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.task_query import Count, TaskQuery
from celery_ops.tracking import facts, index
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.tracking.store import TASK
from tests.shop import tasks

from .figures import Figure, at_least, exactly
from .registry import ACTIONS, benchmark
from .setup import client, default_store
from .timing import milliseconds, sized

TASKS = sized(10_000, quick=500)
QUERY = TaskQuery(states=("FAILURE",))


@benchmark("again", ACTIONS)
def in_bulk() -> Iterator[Figure]:
    """Failed tasks run again in bulk, as the page does it, half of them tracked."""
    default_store()
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [tasks.untracked_noop.name]}
    user = User.objects.create_superuser(f"again-{uuid()[:8]}")
    _plant()
    vendor = connection.vendor
    begun, busy = time.perf_counter(), time.process_time()
    record, steps = _run(user)
    taken, busy = time.perf_counter() - begun, time.process_time() - busy
    tally = progress_of(record).tally
    sent = TaskRunRecord.objects.filter(user=user, send_state="SENT").count()
    waiting = client(0).llen("celery")
    yield Figure.of(f"{vendor}: {TASKS:,} tasks, a second", tally.done / taken, target=at_least(500))
    yield Figure.of("… a second of this process's CPU", tally.done / busy)
    for where, number in (("sent", tally.done), ("in the journal", sent), ("in the queue", waiting)):
        yield Figure.of(f"… {where}", number, target=exactly(TASKS))
    yield Figure.of("… requests", len(steps))
    yield Figure.of("… the longest of them", max(steps), "ms")
    _forget(user)
    tracemalloc.start()
    _run(user)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Figure.of("… most memory meanwhile", peak / 2**20, "MB")
    yield Figure.of(
        "… its preview", milliseconds(lambda: RerunAction().preview(ResultsTaskBackend(), QUERY, user)), "ms"
    )
    _forget(user)
    TaskResult.objects.all().delete()
    client(1).flushdb()


def _run(user: User) -> tuple[ControlRecord, list[float]]:
    """Ask for the next part until it is done, as the page's script does."""
    steps: list[float] = []
    record = RerunAction().start(user, {}, QUERY, Count(TASKS))
    while progress_of(record).state == "running":
        steps.append(milliseconds(lambda: _advance(record, user)))
        record.refresh_from_db()
    return record, steps


def _advance(record: ControlRecord, user: User) -> None:
    RerunAction().advance(ControlRecord.objects.get(pk=record.pk), ResultsTaskBackend(), QUERY, user)


def _forget(user: User) -> None:
    TaskRunRecord.objects.filter(user=user).delete()
    client(0).flushdb()


def _plant() -> None:
    """Let the results have the tasks, and tracking what each was given: every second one belongs to an object."""
    created = timezone.now() - timedelta(hours=2)
    for begin in range(0, TASKS, 500):
        rows, batch = [], []
        for number in range(begin, begin + 500):
            task = tasks.noop if number % 2 else tasks.untracked_noop
            task_id = uuid()
            rows.append(TaskResult(task_id=task_id, task_name=task.name, status="FAILURE", result="{}"))
            published = now_ms() - 7_300_000
            ref = ObjectRef("shop.order", str(number // 10)) if number % 2 else ObjectRef(TASK, task_id)
            fields = facts.published(task_id, published, task.name)
            fields[facts.field(task_id, facts.ENDED["FAILURE"])] = str(published + 1000)
            fields[facts.field(task_id, facts.ARGUMENTS)] = f'={{"args": [{number}], "kwargs": {{}}}}'
            batch.append((ref, fields))
            if number % 2:
                batch.append(index.entry(task_id, [ref], published))
        TaskResult.objects.bulk_create(rows)
        recorder().record(batch)
    TaskResult.objects.update(date_created=created, date_done=created)
