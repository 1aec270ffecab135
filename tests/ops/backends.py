"""Backends of the pages' tests: they say what a test gives them, or nothing at all."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from celery_ops.backends.base import QueueBackend, TaskBackend, WorkerBackend
from celery_ops.backends.broker.declarations import MOST_QUEUES
from celery_ops.backends.memory import MemoryQueueBackend, MemoryTaskBackend, MemoryWorkerBackend
from celery_ops.backends.remote.glance import current
from celery_ops.exceptions import BackendUnavailable
from celery_ops.info import ONLINE, QueueDetail, QueueInfo, WorkerDetail, WorkerInfo

HERE = __name__

#: What somebody may have called a worker or a queue.
HOSTILE = [
    "a/b",
    "..",
    "a b",
    "ünï…世界",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "a\x00b\x1b[31m",
    "a\nb",
    "a\ud800b",
    "%2F%00?#&=;",
]


def ago(**units):
    return datetime.now(timezone.utc) - timedelta(**units)


def worker(hostname="celery@one", **fields):
    """A worker that says enough; ``fields`` are those of its ``WorkerInfo``."""
    said = {"pool": "prefork", "concurrency": 4, "active": 1, "reserved": 2, "scheduled": 3, "processed": 4567}
    said |= {"queues": ("celery",), "last_seen": ago(seconds=1), "state": ONLINE}
    return WorkerDetail(WorkerInfo(hostname, **{**said, **fields}))


def queue(name="celery", **fields):
    """A queue that all is known of; ``fields`` are those of its ``QueueInfo``."""
    said = {"depth": 5, "unacked": 2, "consumers": 1, "oldest_age": timedelta(seconds=90), "paused": False}
    said |= {"sources": ("settings", "broker")}
    return QueueDetail(QueueInfo(name, **{**said, **fields}))


class Workers(MemoryWorkerBackend):
    """``trouble`` and ``collected_at`` are the report's. ``is_slow``: at a glance its workers are still being asked."""

    label, description, data_source = "Stub workers", "What the test said.", "a test"
    trouble = ""
    collected_at = None
    is_slow = False

    def workers(self):
        if glance := current():
            glance.is_old = self.is_slow
        report = super().workers()
        return replace(report, trouble=self.trouble, collected_at=self.collected_at or report.collected_at)


class Queues(MemoryQueueBackend):
    label, description, data_source = "Stub queues", "What the test said.", "a test"
    trouble = ""

    def queues(self):
        return replace(super().queues(), trouble=self.trouble)


class ManyQueues(Queues):
    """Lists the first thousand alone, as the broker's backend does."""

    def queues(self):
        report = super().queues()
        return replace(report, queues=report.queues[:MOST_QUEUES], trouble="There may be more.")


class PoorQueues(Queues):
    supports_unacked = supports_oldest_age = supports_messages = False


class Tasks(MemoryTaskBackend):
    label, description, data_source = "Stub tasks", "What the test said.", "a test"


class AwayWorkers(WorkerBackend):
    label, description, data_source = "Distant workers", "Nobody hears them.", "far away"

    def workers(self):
        raise BackendUnavailable("The broker at redis://:hunter2@far:6379 does not answer.")

    def worker(self, hostname):
        return self.workers()


class AwayQueues(QueueBackend):
    label, description, data_source = "Distant queues", "Nobody sees them.", "far away"

    def queues(self):
        raise BackendUnavailable("The broker does not answer.")

    def queue(self, name):
        return self.queues()


class AwayTasks(TaskBackend):
    label, description, data_source = "Distant tasks", "Nobody finds them.", "far away"

    def page(self, query, *, cursor="", size=25):
        raise BackendUnavailable("The results cannot be read.")

    def get(self, task_id):
        raise BackendUnavailable("The results cannot be read.")


class FrozenWorkers(WorkerBackend):
    """Its source neither answers nor gives up, until the test is over."""

    label, description, data_source = "Frozen workers", "Nobody hears them.", "far away"
    thaw = threading.Event()

    def workers(self):
        self.thaw.wait(20)
        raise BackendUnavailable("Too late.")

    def worker(self, hostname):
        return self.workers()


class FrozenQueues(QueueBackend):
    label, description, data_source = "Frozen queues", "Nobody sees them.", "far away"

    def queues(self):
        FrozenWorkers.thaw.wait(20)
        raise BackendUnavailable("Too late.")

    def queue(self, name):
        return self.queues()


class FaultyWorkers(AwayWorkers):
    def workers(self):
        raise RuntimeError("a fault in the site's own backend")
