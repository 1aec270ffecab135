"""What all viewers share: one broadcast every two seconds at most, however many look, and the last good copy.

That is so for the whole site, however many processes it has, where they have a store or a cache in common.
"""

import threading
import time
from collections.abc import Collection, Mapping
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from math import inf
from typing import Any, Final

from ... import connections
from ...concurrency import Asked
from ...conf import conf
from ...exceptions import BackendUnavailable, BrokerUnavailable, NoAnswer
from ...info import ENDED, NO_REPLY
from ...logs import get_logger
from ...sentences import Sentence as _
from . import gather, presence, sharing
from . import glance as glances
from .glance import Glance
from .known_workers import known_workers
from .looks import Snapshot as Snapshot  # where it has always been found
from .looks import Standing
from .packing import Unpacked
from .presence import Presence
from .sharing import FRESH as FRESH  # seconds for which a copy is new, and a failure is not tried again
from .sharing import LookStamp

logger = get_logger("celery_ops.workers")

#: Seconds between two looks of one who waits for what another process finds.
SHORTEST_PAUSE: Final = 0.005
LONGEST_PAUSE: Final = 0.05

#: Seconds that a glance waits for the workers, unless they took longer the last time, and how old what it is shown
#: instead may be: less than a change is known.
PATIENCE: Final = 0.05
OLDEST: Final = timedelta(seconds=sharing.KEPT / 2)

#: What every worker is asked; for arguments as text, since a value that is no JSON would cost all other answers.
QUESTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "stats": {},
    "active": {"safe": True},
    "reserved": {},
    "scheduled": {},
    "active_queues": {},
}


def snapshot(*, whole: bool = False) -> Snapshot:
    """Return the workers' answers, at most two seconds old, or older ones with the trouble in words.

    ``whole`` ones have every task that workers hold, and not only how many. Within ``glancing`` older ones are returned
    where the workers take long. Raises BackendUnavailable when the broker does not answer and never did.
    """
    glance = glances.current()
    return _copy().look(whole=whole) if glance is None else _copy().glimpse(glance, whole=whole)


def last_words(hostname: str) -> Mapping[str, Any]:
    """Return a worker's replies of the last time it was heard by a snapshot, without asking anybody."""
    copy = _copy()
    copy.recall()
    return copy.last_words.get(hostname, {})


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
    return _standings(presence_now, {hostname}, presence.departed_workers({hostname}, presence_now)).get(hostname)


def expire() -> None:
    """Have the next look ask again: something has just been changed."""
    _copy().expire()


def forget() -> None:
    """Keep nothing."""
    _copies.clear()


def _copy() -> "_Copy":
    return _copies.setdefault(connections.broker(), _Copy())


class _Copy:
    """The last good answers. One thread asks, and those that come meanwhile wait for it and use what it got.

    So do the site's processes: one of them asks, and the others read what it found.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._board = sharing.Board()
        self._token = ""  # of the look that this is
        self._change = ""  # the last that was known when it was made
        self._asks_itself = False
        self.tried_at = -inf
        self._snapshot: Snapshot | None = None
        self.last_words: Mapping[str, Mapping[str, Any]] = {}
        self._failed = False
        self._patience = PATIENCE
        self._meanwhile: Snapshot | None = None  # what glances are shown while somebody asks

    @property
    def twice(self) -> frozenset[str]:
        return self._snapshot.twice if self._snapshot else frozenset()

    def recall(self) -> None:
        """Have a process that has not looked yet know what others have seen last, without asking anybody."""
        if self._snapshot is None:
            with self._lock:
                if self._board.stamp() is not None and (look := self._board.read()) is not None:
                    self._adopt(look)

    def look(self, *, whole: bool = False) -> Snapshot:
        with self._lock:
            stamp = self._board.stamp()
            if not self._is_new(stamp, whole=whole):
                begin = time.monotonic()
                self._renew(stamp, whole=whole)
                self._patience = PATIENCE if time.monotonic() - begin < PATIENCE else 0
            self._meanwhile = None
            return self._latest()

    def glimpse(self, glance: Glance, *, whole: bool) -> Snapshot:
        """Return the last look where it is of a moment ago and a new one takes long; a thread goes on asking then."""
        if not self._lock.acquire(timeout=self._patience):
            last = self._meanwhile
        else:
            try:
                stamp = self._board.stamp()
                if self._is_new(stamp, whole=whole):
                    return self._latest()
                last = self._meanwhile = self._last(stamp)
            finally:
                self._lock.release()
            if last is not None and self._asks_in_time(whole=whole):
                return self._latest()
        if last is None or not (last.is_whole or not whole):
            return self.look(whole=whole)
        glance.is_old = True
        return self._told(last)

    def _asks_in_time(self, *, whole: bool) -> bool:
        context = copy_context()
        try:
            Asked(lambda: context.run(self.look, whole=whole), "looks").answer(self._patience)
        except NoAnswer:
            return False
        return True

    def _last(self, stamp: LookStamp | None) -> Snapshot | None:
        """The last look, whoever took it; None where it is not of a moment ago, or something was changed since."""
        if stamp is None or self._asks_itself or stamp.change not in ("", self._change):
            return None
        if not stamp.change and (look := self._board.read(unless=self._token)) is not None:
            self._adopt(look)
        last = self._snapshot
        return last if last and datetime.now(timezone.utc) - last.collected_at < OLDEST else None

    def expire(self) -> None:
        self.tried_at = -inf
        self._meanwhile = None
        self._asks_itself = not self._board.change()

    def _is_new(self, stamp: LookStamp | None, *, whole: bool) -> bool:
        if time.monotonic() - self.tried_at >= FRESH:
            return False
        if stamp is not None and (stamp.change not in ("", self._change) or (self._failed and stamp.token)):
            return False
        return not whole or self._snapshot is None or self._snapshot.is_whole

    def _renew(self, stamp: LookStamp | None, *, whole: bool) -> None:
        begin = time.monotonic()
        if stamp is not None and not self._asks_itself:
            if stamp.token and self._take(stamp, whole=whole):
                return
            if not stamp.token and not self._board.claim():
                stamp = self._awaited(stamp, begin + conf.CONTROL_TIMEOUT + gather.CLOSING)
                if stamp is not None and stamp.token and self._take(stamp, whole=whole):
                    return
        waited = time.monotonic() - begin
        self._try(stamp, connections.CONNECT_TIMEOUT + conf.CONTROL_TIMEOUT + gather.CLOSING - waited)

    def _awaited(self, stamp: LookStamp, until: float) -> LookStamp | None:
        """Wait for what the one finds that asks the workers just now, or for it to give up."""
        latest: LookStamp | None = stamp
        pause = SHORTEST_PAUSE
        while latest is not None and not latest.token and time.monotonic() < until:
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            latest = self._board.stamp()
            if latest is not None and not latest.token and not latest.is_asked and self._board.claim():
                break
        return latest

    def _take(self, stamp: LookStamp, *, whole: bool) -> bool:
        """Use what another process has found just now; return whether that will do."""
        if stamp.token != self._token:
            look = self._board.read()
            if look is None or look.token != stamp.token:
                return False
            self._adopt(look)
        self._change, self._failed = stamp.change, False
        self.tried_at = time.monotonic() - (FRESH - stamp.left)
        return self._snapshot is not None and (self._snapshot.is_whole or not whole)

    def _adopt(self, look: Unpacked) -> None:
        self._token = look.token
        if self._snapshot is None or self._snapshot.collected_at < look.snapshot.collected_at:
            self._snapshot = look.snapshot
            self.last_words = look.snapshot.last_words
        known_workers().adopt(look.memory)

    def _try(self, stamp: LookStamp | None, seconds: float) -> None:
        if stamp is not None and (look := self._board.read(unless=self._token)) is not None:
            self._adopt(look)
        try:
            self._snapshot = self._new_snapshot(seconds)
        except BrokerUnavailable as error:
            logger.warning("The workers cannot be asked: %s", error)
            self._failed = True
            self._board.give_up()
        else:
            self._failed = self._asks_itself = False
            self._tell(stamp)
        self.tried_at = time.monotonic()

    def _tell(self, stamp: LookStamp | None) -> None:
        self._change = stamp.change if stamp is not None else ""
        if stamp is not None and self._snapshot is not None:
            self._token = self._board.write(self._snapshot, known_workers().memory, self._change)

    def _new_snapshot(self, seconds: float) -> Snapshot:
        begin = time.monotonic()
        workers, presence_now = known_workers(), presence.look(min(seconds, 2 * connections.CONNECT_TIMEOUT))
        workers.part(presence_now.absent)
        if presence_now.bound is not None or presence_now.signs:
            workers.expect(presence_now.alive, again=False, are_all=presence_now.bound is not None)
        answers = gather.ask(QUESTIONS, within=seconds - (time.monotonic() - begin))
        silent = (workers.listed.keys() | presence_now.signs.keys()) - answers.replies.keys()
        if not silent <= presence_now.absent:  # they may have left since
            presence_now = presence.look()
        departed = presence.departed_workers(silent, presence_now)
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
        return self._told(self._snapshot)

    def _told(self, snapshot: Snapshot) -> Snapshot:
        trouble = _("The broker does not answer at the moment. This is what the workers said last.")
        return replace(snapshot, trouble=trouble) if self._failed else snapshot


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
