"""Celery's signals in a worker's own life: its beginning, its signs of life, its end.

A worker imports here what every process of its pool will need: once, before they are forked.
"""

from typing import Any, Final

from .. import redaction
from ..conf import conf
from . import executing, heartbeat, progress, publishing, recorder
from .decorators import receiver
from .delivery import unacknowledged
from .endings import note_interruption

#: What hears of tasks and their messages, and what tasks call.
OF_TASKS: Final = (publishing, executing, progress)


@receiver
def worker_init(**_: Any) -> None:
    """Import the rest of what is needed: this module's own imports are the larger part."""
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
def worker_process_shutdown(**_: Any) -> None:
    recorder.flush_at_exit()
