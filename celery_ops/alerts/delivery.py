"""Telling an alert: the signal, then each path of ``ALERTS``. Each in a thread of its own, so none waits for another.

One that hangs keeps its own thread, and what comes meanwhile waits for it, up to a bound.
"""

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from django.conf import settings
from django.utils import translation

from .. import signals
from ..conf import conf, imported
from ..databases import own_connections
from ..logs import get_logger, is_new
from .alert import Alert

logger = get_logger("celery_ops.alerts")

#: Seconds that whoever evaluated waits for those who are told, all of them together: a little more than a webhook has.
PATIENCE: Final = 6.0
#: Alerts that wait for one who hangs; more are lost, which is logged.
MOST_WAITING: Final = 100


class Courier:
    """Brings alerts to one who is to be told, in turn."""

    def __init__(self, name: str, tell: Callable[[Alert], object]) -> None:
        self.name, self._tell = name, tell
        self._lock = threading.Lock()
        self._waiting: deque[Alert] = deque()
        self._thread: threading.Thread | None = None

    def send(self, alerts: Sequence[Alert]) -> None:
        """Bring these soon."""
        with self._lock:
            room = max(0, MOST_WAITING - len(self._waiting))
            self._waiting.extend(alerts[:room])
            if len(alerts) > room:
                logger.error("%d alerts are lost: %s does not return.", len(alerts) - room, self.name)
            if self._thread is None and self._waiting:
                self._thread = threading.Thread(target=self._run, name=f"celery_ops tells {self.name}", daemon=True)
                self._thread.start()

    def wait(self, until: float) -> None:
        """Return when all are brought, or at that moment of ``time.monotonic()``."""
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        with own_connections(), translation.override(settings.LANGUAGE_CODE):
            while (alert := self._next()) is not None:
                self._bring(alert)

    def _next(self) -> Alert | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._thread = None
            return None

    def _bring(self, alert: Alert) -> None:
        try:
            self._tell(alert)
        except BaseException as error:  # also one that would end this thread, as SystemExit and gevent's Timeout
            if is_new("an alert", self.name, type(error)):
                logger.error("%s was not told of an alert. Said once for each kind of error.", self.name, exc_info=True)


_couriers: dict[str, Courier] = {}
_lock = threading.Lock()


def deliver(alerts: Sequence[Alert], patience: float = PATIENCE) -> None:
    """Tell these to all who are to be told. Never raises, and returns after so many seconds at the latest."""
    if not alerts:
        return
    until = time.monotonic() + patience
    couriers = _all()
    for courier in couriers:
        courier.send(alerts)
    for courier in couriers:
        courier.wait(until)


def finish(patience: float = PATIENCE) -> None:
    """Wait so long for those who are being told: the process ends, and their threads with it."""
    until = time.monotonic() + patience
    for courier in list(_couriers.values()):
        courier.wait(until)


def _all() -> list[Courier]:
    wanted = conf.ALERTS if isinstance(conf.ALERTS, (list, tuple)) else ()  # the system checks tell of another
    paths = [path for path in dict.fromkeys(wanted) if isinstance(path, str)]
    with _lock:
        if _SIGNAL not in _couriers:
            _couriers[_SIGNAL] = Courier(_SIGNAL, _signal)
        for path in paths:
            if path not in _couriers:
                _couriers[path] = Courier(path, _caller(path))
        return [_couriers[name] for name in (_SIGNAL, *paths)]


_SIGNAL: Final = "celery_ops.signals.alert"


def _signal(alert: Alert) -> None:
    signals.alert.send_robust(sender=Alert, alert=alert)


def _caller(path: str) -> Callable[[Alert], object]:
    def tell(alert: Alert) -> object:
        return imported(path)(alert)  # here, so that one that cannot be imported is one that fails

    return tell


def forget() -> None:
    """Start anew, as a forked child must: threads and locks are its parent's."""
    global _lock
    _couriers.clear()
    _lock = threading.Lock()


atexit.register(finish)
os.register_at_fork(after_in_child=forget)
