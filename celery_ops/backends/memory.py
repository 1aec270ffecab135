"""Backends that hold what they are given: for the tests of your own pages, for demonstrations, without a broker.

.. code-block:: python

    CELERY_OPS = {"TASK_BACKEND": "celery_ops.backends.memory.MemoryTaskBackend", ...}

    with MemoryTaskBackend.holding(TaskInfo("4f1c…", "shop.tasks.charge", "FAILURE", error="ValueError: no")):
        response = client.get("/ops/tasks/")

A backend is made for each request, so the contents belong to the class; a subclass has contents of its own.
"""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from .. import task_query
from ..info import QueueDetail, QueueReport, TaskInfo, WorkerDetail, WorkerReport
from .base import Backend, ListedTaskBackend, QueueBackend, WorkerBackend


class _Memory(Backend):
    """Contents are replaced as a whole, never changed, so that threads may read them at any time."""

    contents: ClassVar[tuple[Any, ...]] = ()

    data_source = _("The memory of this process")

    @classmethod
    def hold(cls, *contents: Any) -> None:
        """Hold these and nothing else, from now on."""
        cls.contents = contents

    @classmethod
    @contextlib.contextmanager
    def holding(cls, *contents: Any) -> Iterator[None]:
        """Hold these and nothing else inside the block, and afterwards what was held before."""
        before = cls.contents
        cls.hold(*contents)
        try:
            yield
        finally:
            cls.hold(*before)


class MemoryTaskBackend(_Memory, ListedTaskBackend):
    """Holds ``TaskInfo`` values."""

    label = _("Tasks in memory")
    description = _("The tasks that this process was given.")

    supports_queue = True
    sorts = (
        task_query.NEWEST_FIRST,
        task_query.OLDEST_FIRST,
        task_query.LAST_FINISHED_FIRST,
        task_query.FIRST_FINISHED_FIRST,
    )

    def tasks(self) -> Iterable[TaskInfo]:
        return self.contents


class MemoryWorkerBackend(_Memory, WorkerBackend):
    """Holds ``WorkerDetail`` values."""

    label = _("Workers in memory")
    description = _("The workers that this process was given.")

    def workers(self) -> WorkerReport:
        workers = sorted((detail.info for detail in self.contents), key=lambda worker: worker.hostname)
        return WorkerReport(tuple(workers), datetime.now(timezone.utc))

    def worker(self, hostname: str) -> WorkerDetail | None:
        return next((detail for detail in self.contents if detail.info.hostname == hostname), None)

    def pool_of(self, hostname: str) -> str | None:
        detail = self.worker(hostname)
        return detail.info.pool if detail else None


class MemoryQueueBackend(_Memory, QueueBackend):
    """Holds ``QueueDetail`` values."""

    label = _("Queues in memory")
    description = _("The queues that this process was given.")

    def queues(self) -> QueueReport:
        queues = sorted((detail.info for detail in self.contents), key=lambda queue: queue.name)
        return QueueReport(tuple(queues), datetime.now(timezone.utc))

    def queue(self, name: str) -> QueueDetail | None:
        return next((detail for detail in self.contents if detail.info.name == name), None)
