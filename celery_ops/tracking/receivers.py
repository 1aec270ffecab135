"""Celery's signals, turned into facts. An untracked task costs no store command: a look-up, and a time in its message.

A tracked one costs three round trips: published, started, ended. Connected by ``AppConfig.ready``.
"""

from typing import Any

from celery import signals

from .. import redaction
from ..conf import conf
from . import heartbeat, recorder
from .delivery import task_received, task_rejected, task_revoked, task_unknown, unacknowledged
from .edge import receiver
from .endings import note_interruption
from .executing import task_failure, task_postrun, task_prerun, task_retry, task_success
from .publishing import after_task_publish, before_task_publish


def connect() -> None:
    """Connect every receiver; once is enough, again does no harm."""
    for name, function in RECEIVERS.items():
        getattr(signals, name).connect(function, weak=False, dispatch_uid=f"celery_ops.{name}")


@receiver
def worker_init(**_: Any) -> None:
    """Import what every process of the pool will need: once, before they are forked."""
    redaction.preload()
    conf.load("STORE")


@receiver
def worker_ready(sender: Any, **_: Any) -> None:
    heartbeat.start(sender.hostname)


@receiver
def worker_shutting_down(**_: Any) -> None:
    """A signal told it to end: it takes nothing any more, and may work for long on what it has.

    Since Celery 5.6 no signal tells of a task that is cut short and whose message goes back to its queue.
    """
    heartbeat.leave()
    for request in list(unacknowledged.values()):
        if getattr(request, "_already_cancelled", False):
            note_interruption(request.task, request, request)


@receiver
def worker_shutdown(**_: Any) -> None:
    heartbeat.stop()
    recorder.flush_at_exit()


@receiver
def process_ends(**_: Any) -> None:
    recorder.flush_at_exit()


RECEIVERS = {
    "before_task_publish": before_task_publish,
    "after_task_publish": after_task_publish,
    "task_received": task_received,
    "task_revoked": task_revoked,
    "task_rejected": task_rejected,
    "task_unknown": task_unknown,
    "task_prerun": task_prerun,
    "task_retry": task_retry,
    "task_success": task_success,
    "task_failure": task_failure,
    "task_postrun": task_postrun,
    "worker_init": worker_init,
    "worker_ready": worker_ready,
    "worker_shutting_down": worker_shutting_down,
    "worker_process_shutdown": process_ends,
    "worker_shutdown": worker_shutdown,
}
