"""What all viewers share: one broadcast every two seconds at most, however many look, and the last good copy."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any, Final

from django.utils.translation import gettext as _

from .. import connections
from ..connections import BrokerUnavailable
from ..logs import get_logger
from . import gather
from .base import BackendUnavailable
from .gather import Answers
from .known import known_workers

logger = get_logger("celery_ops.workers")

#: Seconds for which a copy is new, and a failure is not tried again.
FRESH: Final = 2.0

#: What every worker is asked; for arguments as text, since a value that is no JSON would cost all other answers.
QUESTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "stats": {},
    "active": {"safe": True},
    "reserved": {},
    "scheduled": {},
    "active_queues": {},
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All workers at one moment.

    ``last_words`` are each listed worker's replies of the last time it was heard. ``trouble`` says why there is
    nothing newer, and is empty when this is the newest.
    """

    answers: Answers
    last_words: Mapping[str, Mapping[str, Any]]
    trouble: str = ""

    @property
    def collected_at(self) -> datetime:
        return self.answers.collected_at


def snapshot() -> Snapshot:
    """Return the workers' answers, at most two seconds old, or older ones with the trouble in words.

    Raises BackendUnavailable when the broker does not answer and never did.
    """
    return _copy().look()


def last_words(hostname: str) -> Mapping[str, Any]:
    """Return a worker's replies of the last time it was heard by a snapshot, without asking anybody."""
    return _copy().last_words.get(hostname, {})


def expire() -> None:
    """Have the next look ask again: something has just been changed."""
    _copy().tried_at = -inf


def forget() -> None:
    """Keep nothing."""
    _copies.clear()


def _copy() -> "_Copy":
    return _copies.setdefault(connections.broker(), _Copy())


class _Copy:
    """The last good answers. One thread asks, and those that come meanwhile wait for it and use what it got."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.tried_at = -inf
        self._answers: Answers | None = None
        self.last_words: Mapping[str, Mapping[str, Any]] = {}
        self._failed = False

    def look(self) -> Snapshot:
        with self._lock:
            if time.monotonic() - self.tried_at >= FRESH:
                self._try()
            return self._made()

    def _try(self) -> None:
        try:
            self._answers = gather.ask(QUESTIONS)
        except BrokerUnavailable as error:
            logger.warning("The workers cannot be asked: %s", error)
            self._failed = True
        else:
            self._failed = False
            listed = known_workers().listed
            words = {**self.last_words, **self._answers.replies}
            self.last_words = {host: parts for host, parts in words.items() if host in listed}
        self.tried_at = time.monotonic()

    def _made(self) -> Snapshot:
        if self._answers is None:
            raise BackendUnavailable(_("The broker does not answer, so nothing is known of the workers yet."))
        trouble = _("The broker does not answer at the moment. This is what the workers said last.")
        return Snapshot(self._answers, self.last_words, trouble if self._failed else "")


_copies: dict[tuple[str, str], _Copy] = {}
