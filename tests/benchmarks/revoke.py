"""Tasks revoked in bulk."""

import time
from collections.abc import Iterator

from celery.utils import uuid
from django.contrib.auth.models import User
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.control import broadcast
from celery_ops.backends.remote import snapshot
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.bulk.base import progress_of
from celery_ops.bulk.revoke import RevokeAction, answers_of
from celery_ops.models import ControlRecord
from celery_ops.task_query import Count, TaskQuery
from celery_ops.tracking import facts, index
from celery_ops.tracking.reading import find_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.revoke_requests import revoke_noted_at
from celery_ops.tracking.stamp import now_ms
from tests.backends.starting import end, start
from tests.celery import app

from .figures import Figure, at_most, exactly
from .registry import ACTIONS, benchmark
from .setup import client, default_store
from .timing import milliseconds, sized

TASKS = sized(10_000, quick=500)
QUERY = TaskQuery(states=("PENDING",))
NAMES = ("r1@bench", "r2@bench", "r3@bench")


@benchmark("revoke", ACTIONS)
def in_bulk() -> Iterator[Figure]:
    """Waiting tasks revoked in bulk with three workers, as the page does it, half of them tracked."""
    default_store()
    user = User.objects.create_superuser(f"revoke-{uuid()[:8]}")
    tracked, untracked = _plant()
    workers = start(*NAMES, url=app.conf.broker_url)
    try:
        known_workers().forget()
        snapshot.forget()
        broadcast("ping")  # this process knows them now
        begun, busy = time.perf_counter(), time.process_time()
        record = _run(user)
        taken, busy = time.perf_counter() - begun, time.process_time() - busy
        messages = ControlRecord.objects.filter(action="revoke", user=user)
        most = max(len(message.parameters["task_ids"]) for message in messages)
        answers = answers_of(record)
        yield Figure.of(f"{TASKS:,} tasks", taken, "s", target=at_most(2))
        yield Figure.of("… this process's CPU", busy, "s")
        yield Figure.of("… messages", len(messages), target=at_most(10))
        yield Figure.of("… most ids of one", most, target=at_most(1000))
        unanswered = sum(asked - answered for asked, answered in answers.values())
        yield Figure.of("… questions without an answer", unanswered, target=exactly(0))
        noted = find_tasks(dict.fromkeys(tracked, timezone.now()))
        shown = sum(task.revoke_requested_at is not None for task in noted.values())
        alone = sum(revoke_noted_at(task_id) is not None for task_id in untracked[:100])
        yield Figure.of("… shown as requested, of the tracked ones", shown, target=exactly(TASKS // 2))
        yield Figure.of("… of 100 others", alone, target=exactly(100))
    finally:
        for worker in workers:
            end(worker)
    yield Figure.of("… with nobody to answer", milliseconds(lambda: _run(user)) / 1000, "s")
    ControlRecord.objects.filter(user=user).delete()
    TaskResult.objects.all().delete()
    client(1).flushdb()
    user.delete()


def _run(user: User) -> ControlRecord:
    """Ask for the next part until it is done, as the page's script does."""
    record = RevokeAction().start(user, {}, QUERY, Count(TASKS))
    while progress_of(record).state == "running":
        RevokeAction().advance(ControlRecord.objects.get(pk=record.pk), ResultsTaskBackend(), QUERY, user)
        record.refresh_from_db()
    return record


def _plant() -> tuple[list[str], list[str]]:
    """Let the results have the tasks: every second one belongs to an object."""
    tracked, untracked = [], []
    for begin in range(0, TASKS, 500):
        rows, batch = [], []
        for number in range(begin, begin + 500):
            task_id = uuid()
            rows.append(TaskResult(task_id=task_id, task_name="shop.nap", status="PENDING"))
            (tracked if number % 2 else untracked).append(task_id)
            if number % 2:
                ref = ObjectRef("shop.order", str(number // 10))
                batch += [
                    (ref, facts.published(task_id, now_ms(), "shop.nap")),
                    index.entry(task_id, [ref], now_ms()),
                ]
        TaskResult.objects.bulk_create(rows)
        recorder().record(batch)
    return tracked, untracked
