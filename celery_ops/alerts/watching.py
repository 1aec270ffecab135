"""A worker evaluates what is due: in a thread of its main process, and not where tasks run."""

import threading
from typing import Any, Final

from ..databases import own_connections
from ..exceptions import StoreUnavailable
from ..logs import get_logger
from ..tracking.decorators import receiver
from .switch import is_on

logger = get_logger("celery_ops.alerts")

#: Seconds between two looks whether an evaluation is due: with those after one (``board.DUE_AFTER``) under a minute.
LOOK_EVERY: Final = 15.0


class Watch:
    """Looks from time to time whether it is this worker's turn, from ``start`` until ``end``."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="celery_ops objectives", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Begin nothing more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            look()


def look() -> None:
    """Evaluate where that is due. Never raises."""
    from .evaluating import evaluate

    try:
        with own_connections():
            evaluate(only_if_due=True)
    except StoreUnavailable as error:
        logger.debug("The objectives wait for the store: %s", error)
    except Exception:
        logger.warning("The objectives could not be evaluated", exc_info=True)


_watch: Watch | None = None


@receiver
def worker_ready(**_: Any) -> None:
    global _watch
    if _watch is not None:
        _watch.end()
        _watch = None
    if is_on():
        _watch = Watch()
        _watch.start()


@receiver
def worker_shutdown(**_: Any) -> None:
    if _watch is not None:
        from . import delivery

        _watch.end()
        delivery.finish()
