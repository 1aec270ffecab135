"""What all viewers share: one broadcast every two seconds at most, however many look, and the last good copy."""

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any, Final

from django.utils.translation import gettext as _

from ... import connections
from ...exceptions import BackendUnavailable, BrokerUnavailable
from ...info import ENDED, NO_REPLY
from ...logs import get_logger
from . import gather, presence
from .gather import Answers
from .known import known_workers
from .presence import Presence, Standing

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
    nothing newer, and is empty when this is the newest. ``silent`` are those that should have answered and ``absent``
    those of which it is known that they are not there; ``twice`` are the names that two workers have.
    """

    answers: Answers
    last_words: Mapping[str, Mapping[str, Any]]
    trouble: str = ""
    silent: Mapping[str, Standing] = field(default_factory=dict)
    absent: Mapping[str, Standing] = field(default_factory=dict)
    twice: frozenset[str] = frozenset()

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


def twice() -> frozenset[str]:
    """Return the names that two workers had at the last snapshot, without asking anybody."""
    return _copy().twice


def standing(hostname: str) -> Standing | None:
    """Return how a worker is that has not answered just now; None for one that nobody knows.

    Raises BrokerUnavailable when the broker does not answer.
    """
    workers, presence_now = known_workers(), presence.look()
    if hostname not in {*workers.listed, *workers.ended, *presence_now.signs}:
        return None
    return _standings(presence_now, {hostname}, presence.departed({hostname}, presence_now)).get(hostname)


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
        self._snapshot: Snapshot | None = None
        self.last_words: Mapping[str, Mapping[str, Any]] = {}
        self._failed = False

    @property
    def twice(self) -> frozenset[str]:
        return self._snapshot.twice if self._snapshot else frozenset()

    def look(self) -> Snapshot:
        with self._lock:
            if time.monotonic() - self.tried_at >= FRESH:
                self._try()
            return self._latest()

    def _try(self) -> None:
        try:
            self._snapshot = self._new_snapshot()
        except BrokerUnavailable as error:
            logger.warning("The workers cannot be asked: %s", error)
            self._failed = True
        else:
            self._failed = False
        self.tried_at = time.monotonic()

    def _new_snapshot(self) -> Snapshot:
        workers, presence_now = known_workers(), presence.look()
        workers.part(presence_now.absent)
        if presence_now.bound is not None or presence_now.signs:
            workers.expect(presence_now.alive, again=False)
        answers = gather.ask(QUESTIONS)
        silent = (workers.listed.keys() | presence_now.signs.keys()) - answers.replies.keys()
        if not silent <= presence_now.absent:  # they may have left since
            presence_now = presence.look()
        departed = presence.departed(silent, presence_now)
        workers.part(departed.keys() & presence_now.signs.keys())
        workers.part(departed.keys() - presence_now.signs.keys(), answers.collected_at)
        standings = _standings(presence_now, silent, departed)
        self.last_words = _of(standings.keys() | answers.replies.keys(), {**self.last_words, **answers.replies})
        return Snapshot(
            answers,
            self.last_words,
            silent={host: standing for host, standing in standings.items() if standing.state == NO_REPLY},
            absent={host: standing for host, standing in standings.items() if standing.state != NO_REPLY},
            twice=presence_now.twice | answers.twice,
        )

    def _latest(self) -> Snapshot:
        if self._snapshot is None:
            raise BackendUnavailable(_("The broker does not answer, so nothing is known of the workers yet."))
        trouble = _("The broker does not answer at the moment. This is what the workers said last.")
        return replace(self._snapshot, trouble=trouble) if self._failed else self._snapshot


def _of(hostnames: Collection[str], parts: Mapping[str, Any]) -> dict[str, Any]:
    return {host: parts[host] for host in parts if host in hostnames}


def _standings(presence: Presence, silent: Collection[str], departed: Mapping[str, Standing]) -> dict[str, Standing]:
    """Return how each worker is that is to be listed and did not answer."""
    workers = known_workers()
    heard = {host: Standing(NO_REPLY, moment) for host, moment in workers.listed.items() if host in silent}
    ended = {host: Standing(ENDED, moment) for host, moment in workers.ended.items()}
    signed = {host: presence.of(host) for host in presence.signs if host in silent}
    standings = {**heard, **ended, **departed, **signed}
    return {host: standing for host, standing in standings.items() if presence.lists(standing)}


_copies: dict[tuple[str, str], _Copy] = {}
