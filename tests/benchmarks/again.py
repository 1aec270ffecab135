"""10,000 failed tasks run again in bulk, as the page does it, half of them tracked. ``TEST_DATABASE=postgresql``."""

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

from .setup import Figure, client, default_store

TASKS = 10_000
QUERY = TaskQuery(states=("FAILURE",))


def in_bulk() -> Iterator[Figure]:
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
    yield Figure(f"{vendor}: run again of {TASKS:,}, tasks a second", f"{tally.done / taken:,.0f}", ">= 500")
    yield Figure(f"{vendor}: the same, a second of this process's CPU", f"{tally.done / busy:,.0f}", "")
    yield Figure(f"{vendor}: sent, in the journal, in the queue", f"{tally.done} {sent} {waiting}", f"{TASKS} each")
    yield Figure(f"{vendor}: longest request of {len(steps)}", f"{max(steps):.1f} s", "")
    _forget(user)
    tracemalloc.start()
    _run(user)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Figure(f"{vendor}: most memory meanwhile", f"{peak / 2**20:.1f} MB", "")
    begun = time.perf_counter()
    RerunAction().preview(ResultsTaskBackend(), QUERY, user)
    yield Figure(f"{vendor}: its preview", f"{time.perf_counter() - begun:.2f} s", "")
    _forget(user)
    TaskResult.objects.all().delete()
    client(1).flushdb()


def _run(user: User) -> tuple[ControlRecord, list[float]]:
    """Ask for the next part until it is done, as the page's script does."""
    steps = []
    record = RerunAction().start(user, {}, QUERY, Count(TASKS))
    while progress_of(record).state == "running":
        begun = time.perf_counter()
        RerunAction().advance(ControlRecord.objects.get(pk=record.pk), ResultsTaskBackend(), QUERY, user)
        steps.append(time.perf_counter() - begun)
        record.refresh_from_db()
    return record, steps


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
