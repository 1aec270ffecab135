"""A worker's sign of life, so that a task whose worker is gone can be told from one that runs long.

A thread and not Celery's timer: a solo worker's timer stands still while a task runs.
"""

import threading

from ..logs import get_logger
from .facts import short_host
from .recorder import recorder
from .stamp import now_ms
from .store import BEAT_EVERY, StoreUnavailable

logger = get_logger("celery_ops.tracking")

_stop: threading.Event | None = None


def start(hostname: str) -> None:
    """Begin to beat for the worker ``hostname``, in the background."""
    global _stop
    stop()
    _stop = threading.Event()
    beat = (short_host(hostname), now_ms(), _stop)
    threading.Thread(target=_beat, args=beat, name="celery_ops beat", daemon=True).start()


def stop() -> None:
    """End the beating; does nothing when there is none."""
    if _stop is not None:
        _stop.set()


def _beat(hostname: str, started: int, stopped: threading.Event) -> None:
    while True:
        try:
            recorder().ask(lambda store: store.beat(hostname, started))
        except StoreUnavailable:
            pass  # the recorder has said so; the next beat tries again
        except Exception:
            logger.warning("A worker's sign of life could not be written", exc_info=True)
        if stopped.wait(BEAT_EVERY):
            return
