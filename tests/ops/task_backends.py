"""Task backends of the pages' tests, in memory: whole ones, poor ones, and such as fail."""

import re
from datetime import datetime, timedelta, timezone

import pytest

from celery_ops import task_query
from celery_ops.backends.base import TaskBackend
from celery_ops.backends.memory import MemoryTaskBackend
from celery_ops.exceptions import BackendUnavailable
from celery_ops.info import TaskInfo
from celery_ops.task_query import Count, Counts

LIST = "/behind/a/prefix/tasks/"
NOON = datetime(2026, 3, 14, 12, tzinfo=timezone.utc)

#: Texts that a visitor may send, and a worker may have written.
HOSTILE = (
    " ",
    "/",
    "..",
    "a/../b",
    "\x00",
    "a\x00b",
    "\x1b[31m\r\n",
    "é\u202e😀",
    "'\"; DROP TABLE x; --",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "%00",
    "%s{0}{x!r}{{ y }}{% z %}",
    "x" * 100_000,
    "9" * 5_000,
    "-" + "9" * 5_000,
    "1e400",
    "NaN",
    "٣",
)


def on_databases(texts):
    """Return parameters: on other databases only what these take differently, signs of SQL and what no column holds."""
    return [pytest.param(text, marks=[pytest.mark.database] if _differs(text) else []) for text in texts]


def _differs(text):
    return len(text) > 1000 or bool(re.search("[\0\ud800-\udfff]|';", text))


class Held(MemoryTaskBackend):
    """Knows everything of what it is given."""


class Bare(Held):
    """Knows ids, names and states alone."""

    supports_worker = supports_queue = supports_created = supports_started = supports_finished = False
    supports_arguments = False
    sorts = (task_query.NEWEST_FIRST,)


class Unstarted(Held):
    supports_started = False


class Live(Held):
    is_live = True


class Away(TaskBackend):
    """Its source does not answer."""

    label, description, data_source = "Distant tasks", "What lies far away", "a distant place"

    def page(self, query, *, cursor="", size=25):
        raise BackendUnavailable("The distant place does not answer.")

    def get(self, task_id):
        raise BackendUnavailable("The distant place does not answer.")


class Dying(Held):
    """Its source stops answering after three tasks."""

    def iterate(self, query):
        tasks = super().iterate(query)
        for _ in range(3):
            yield next(tasks)
        raise BackendUnavailable("The distant place does not answer.")


class Uncounted(Held):
    def counts(self, query):
        return None


class Capped(Held):
    def counts(self, query):
        return Counts(Count(10_000, capped=True), {"SUCCESS": Count(10_000, capped=True), "FAILURE": Count(1_234)})


class Noting(Held):
    def page(self, query, *, cursor="", size=25):
        page = super().page(query, cursor=cursor, size=size)
        return task_query.TaskPage(
            page.tasks, page.next, page.previous, ("Only the newest <b>tasks</b> were searched.",)
        )


def use(settings, backend, *tasks, **options):
    """Let the site's tasks come from ``backend``, which holds ``tasks``."""
    if issubclass(backend, MemoryTaskBackend):
        backend.hold(*tasks)
    path = f"{backend.__module__}.{backend.__qualname__}"
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": path, **options}


def a_task(number=0, state="SUCCESS", **values):
    """A task that was created ``number`` minutes before noon; a higher number is an older task."""
    created = NOON - timedelta(minutes=number)
    ended = state in ("SUCCESS", "FAILURE")
    return TaskInfo(
        **{
            "id": f"{number:08d}-1f0a-4f6f-9f0e-4d2f5b3c7a10",
            "name": "shop.tasks.charge",
            "state": state,
            "worker": "celery@web-1",
            "queue": "celery",
            "created_at": created,
            "started_at": created + timedelta(seconds=2),
            "finished_at": created + timedelta(seconds=5) if ended else None,
            "error": "ValueError: the card was refused" if state == "FAILURE" else None,
            **values,
        }
    )
