"""Rows of django-celery-results, as workers write them."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from django_celery_results.models import TaskResult

from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.info import TaskInfo
from celery_ops.task_query import TaskQuery
from celery_ops.tracking import row_times

NOON = datetime(2026, 3, 14, 12, tzinfo=timezone.utc)
EVERY = TaskQuery()


def plant(*tasks: TaskInfo) -> None:
    """Store tasks: arguments as the JSON of a ``repr``, an error as an exception's JSON, when they were published."""
    rows = [
        TaskResult(
            task_id=task.id,
            task_name=task.name or None,
            status=task.state,
            worker=task.worker,
            task_args=None if task.args is None else json.dumps(repr(task.args)),
            task_kwargs=None if task.kwargs is None else json.dumps(repr(task.kwargs)),
            result=exception(task.error) if task.error else json.dumps(task.result),
            traceback=task.traceback,
            date_started=task.started_at,
            meta=meta(task),
            content_type="application/json",
            content_encoding="utf-8",
        )
        for task in tasks
    ]
    TaskResult.objects.bulk_create(rows)
    for row, task in zip(rows, tasks, strict=True):
        row.date_created, row.date_done = task.created_at or row.date_created, task.finished_at or row.date_done
    TaskResult.objects.bulk_update(rows, ["date_created", "date_done"])  # what is created says that it was so now


def meta(task: TaskInfo) -> str:
    """What a worker of a site that has this app stores beside a result."""
    times = [at and round(at.timestamp() * 1000) for at in (task.created_at, task.started_at)]
    return json.dumps({row_times.KEY: times, "children": []})


def exception(error: str) -> str:
    kind, _colon, message = error.partition(": ")
    return json.dumps({"exc_type": kind, "exc_message": [message], "exc_module": "builtins"})


def row(id: str = "4f1c", **fields: Any) -> TaskResult:
    """Store one row as it is."""
    fields = {"status": "SUCCESS", "content_type": "application/json", "content_encoding": "utf-8"} | fields
    return TaskResult.objects.create(task_id=id, **fields)


def many(number: int, **fields: Any) -> None:
    """Store rows ``0``, ``1`` and so on, a minute after each other and all as ``fields`` say."""
    rows = [
        TaskInfo(
            str(index), created_at=NOON + timedelta(minutes=index), finished_at=NOON + timedelta(hours=9), **fields
        )
        for index in range(number)
    ]
    plant(*rows)


def walk(query: TaskQuery = EVERY, *, size: int = 10) -> list[str]:
    """Return the ids of every page there is."""
    page = ResultsTaskBackend().page(query, size=size)
    ids = [task.id for task in page.tasks]
    while page.next:
        page = ResultsTaskBackend().page(query, cursor=page.next, size=size)
        ids += [task.id for task in page.tasks]
    return ids
