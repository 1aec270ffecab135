"""A worker's sign of life, so that a task whose worker is gone can be told from one that runs long.

It says as well when the worker is about to end, so that one which ended well can be told from one that was killed. A
thread and not Celery's timer: a solo worker's timer stands still while a task runs.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import replace

from ..conf import conf
from ..exceptions import StoreUnavailable
from ..logs import get_logger
from .facts import short_host
from .recorder import recorder
from .signs import Sign
from .stamp import now_ms
from .store import BEAT_EVERY, Store

logger = get_logger("celery_ops.tracking")


class Heart:
    """Beats for one worker, in the background, from ``start`` until ``end``."""

    def __init__(self, hostname: str, *, answers: bool = True) -> None:
        """``answers`` says whether the worker listens to remote control: of another nobody expects an answer."""
        self._sign = Sign(hostname, os.getpid(), now_ms())
        self._answers = answers
        self._wakes = threading.Event()
        self._is_over = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="celery_ops beat", daemon=True).start()

    def leave(self) -> None:
        """Say that the worker is about to end. Asks nobody itself: it may be called by a signal's handler."""
        self._sign = replace(self._sign, is_leaving=True)
        self._wakes.set()

    def cease(self) -> None:
        """Beat no more, and say nothing."""
        self._is_over = True
        self._wakes.set()

    def end(self) -> None:
        """Beat no more, and say goodbye."""
        self.cease()
        if self._answers and self._sign.pid == os.getpid():  # a child of the pool has a copy
            self._sign = replace(self._sign, is_leaving=True)
            self._tell(lambda store: store.sign(self._sign))

    def _run(self) -> None:
        while not self._is_over:
            self._tell(lambda store: store.beat(short_host(self._sign.hostname), self._sign.started))
            self._tell(self._signed)
            self._wakes.wait(BEAT_EVERY)
            self._wakes.clear()

    def _signed(self, store: Store) -> None:
        if self._answers and not self._is_over:
            store.sign(self._sign)

    def _tell(self, say: Callable[[Store], object]) -> None:
        try:
            recorder().ask(say)
        except StoreUnavailable:
            pass  # the recorder has said so; the next beat tries again
        except Exception:
            logger.warning("A worker's sign of life could not be written", exc_info=True)


_heart: Heart | None = None


def start(hostname: str) -> None:
    """Begin to beat for the worker ``hostname``, in the background."""
    global _heart
    if _heart is not None:
        _heart.cease()
    _heart = Heart(hostname, answers=bool(conf.celery_app.conf.worker_enable_remote_control))
    _heart.start()


def leave() -> None:
    """Say that this process's worker is about to end; does nothing where there is none."""
    if _heart is not None:
        _heart.leave()


def stop() -> None:
    """End the beating with a goodbye; does nothing when there is none."""
    if _heart is not None:
        _heart.end()
