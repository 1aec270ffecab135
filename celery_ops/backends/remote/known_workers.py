"""The workers that this process has heard, so that a question need not always wait for its whole deadline."""

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from math import inf
from typing import Any, Final

from ... import connections

#: How long a worker that has been heard stays listed.
REMEMBERED: Final = timedelta(days=1)
#: Seconds for which a round listens for what nobody waits for: new workers, and what was silent and is back …
LISTENING: Final = 0.2
#: … and how many seconds later a round to all does so again.
LOOKING_AROUND: Final = 30.0


#: Hostnames that are believed: a set in Redis may hold any number.
MOST_HOSTNAMES: Final = 5000
NEVER: Final = datetime.min.replace(tzinfo=timezone.utc)
#: Characters of a hostname that is believed.
LONGEST_HOSTNAME: Final = 255
#: All that a beat answers (Celery 5.7, ``beat_enable_remote_control``), and how its name begins unless it has another.
PING: Final = "ping"
BEAT: Final = "celerybeat@"


def is_hostname(value: Any) -> bool:
    """Return whether a worker may have this name."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_HOSTNAME and value.isprintable()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process knows of the workers, and since when: to be told to the site's others.

    ``looked_around`` is None for never.
    """

    heard: Mapping[str, datetime] = field(default_factory=dict)
    silent: Mapping[str, datetime] = field(default_factory=dict)
    unheeding: Mapping[str, datetime] = field(default_factory=dict)
    unanswered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ended: Mapping[str, datetime] = field(default_factory=dict)
    looked_around: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom a round waits for, and for how many seconds it then listens for what else may come."""

    awaited: frozenset[str]
    listening: float


class KnownWorkers:
    """Who was heard and when; who was silent the last time and is not waited for; what each never answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, datetime] = {}
        self._silent: dict[str, datetime] = {}
        self._unanswered: dict[str, frozenset[str]] = {}
        self._announced: frozenset[str] = frozenset()
        self._unheeding: dict[str, datetime] = {}
        self._ended: dict[str, datetime] = {}
        self._beats: frozenset[str] = frozenset()
        self._proven: set[str] = set()
        self._looked_around: float | None = None

    def is_beat(self, hostname: str) -> bool:
        """Return whether this is no worker: its name says so, or it answered a ping and nothing else."""
        return hostname.startswith(BEAT) or hostname in self._beats

    def may_be_beats(self, hostnames: Collection[str]) -> bool:
        """Return whether one of these has answered nothing yet but pings."""
        with self._lock:
            return not self._proven.issuperset(hostnames)

    @property
    def listed(self) -> dict[str, datetime]:
        """The hostnames to ask and to list, each with the moment at which it was heard last."""
        oldest = datetime.now(timezone.utc) - REMEMBERED
        with self._lock:
            return {host: moment for host, moment in self._heard.items() if moment > oldest}

    @property
    def ended(self) -> dict[str, datetime]:
        """Those that left without a sign of their own, each with the moment at which that was noticed."""
        with self._lock:
            return dict(self._ended)

    def expect(self, hostnames: Collection[str], *, again: bool = True, are_all: bool = True) -> None:
        """Wait for all of these in the next round, and for nobody else: it is known that they are there.

        Without ``again`` not for those that were silent the last time they were expected. Where they may not be all
        that there are, a round listens for others in a while as before, and the first one does.
        """
        with self._lock:
            self._announced = frozenset(hostnames) - (
                frozenset() if again else self._unheeding.keys() | self._silent.keys()
            )
            if are_all:
                self._looked_around = time.monotonic()
            elif self._looked_around is None:
                self._looked_around = time.monotonic() - 2 * LOOKING_AROUND

    def part(self, hostnames: Collection[str], ended_at: datetime | None = None) -> None:
        """Ask and list these no more until they are heard again: it is known that they are not there.

        ``ended_at`` is given of those that left without a sign.
        """
        for hostname in hostnames:
            self.forget(hostname)
        if ended_at is not None:
            with self._lock:
                self._ended |= dict.fromkeys(hostnames, ended_at)

    def plan(self, hosts: frozenset[str] | None, methods: Collection[str]) -> Plan:
        """Return how to wait when these hosts are asked, or all when None.

        Only where nobody has looked yet it is the whole deadline, whoever may be there.
        """
        listed = self.listed
        with self._lock:
            expected = frozenset(listed.keys() - self._silent.keys()) | self._announced
            looked = self._looked_around
            if hosts is not None:
                awaited = hosts & expected if looked is not None else hosts - self._silent.keys()
                listens = awaited != hosts
            elif looked is None:
                return Plan(expected, inf)
            else:
                awaited = expected
                listens = not expected or time.monotonic() - looked > LOOKING_AROUND
            muted = any(not self._unanswered.get(host, frozenset()).isdisjoint(methods) for host in awaited)
        return Plan(awaited, LISTENING if listens or muted else 0)

    def expects(self, hostname: str, methods: Collection[str]) -> frozenset[str]:
        """Return which of the methods to wait for, once the worker has said something."""
        return frozenset(methods) - self._unanswered.get(hostname, frozenset())

    def note(
        self,
        asked: Collection[str],
        methods: Collection[str],
        replies: Mapping[str, Mapping[str, Any]],
        *,
        looked_around: bool = False,
        beats: Collection[str] = (),
    ) -> None:
        """Note one round: who of those asked was silent, and what those heard left unanswered.

        ``beats`` answered a ping, and nothing of what was asked before it.
        """
        now = datetime.now(timezone.utc)
        with self._lock:
            self._beats = (self._beats - replies.keys()) | frozenset(beats)
            for by_host in (self._heard, self._silent, self._unheeding):
                for host in beats:
                    by_host.pop(host, None)
            self._announced -= frozenset(beats)
            quiet = set(asked) - replies.keys()
            self._silent |= dict.fromkeys(quiet & self._heard.keys(), now)
            self._unheeding |= dict.fromkeys(quiet & self._announced, now)
            self._announced -= set(asked)
            for host, answered in replies.items():
                self._heard[host] = now
                if answered.keys() - {PING}:
                    self._proven.add(host)
                for missed in (self._silent, self._unheeding, self._ended):
                    missed.pop(host, None)
                left = (self._unanswered.get(host, frozenset()) | frozenset(methods)) - answered.keys()
                self._unanswered[host] = left
            if looked_around:
                self._looked_around = time.monotonic()
            self._let_go(now - REMEMBERED)

    def _let_go(self, oldest: datetime) -> None:
        """Where each worker has a name of its own, as in containers, there are ever more of them."""
        for by_host in (self._heard, self._silent, self._unheeding, self._ended):
            for host in [host for host, moment in by_host.items() if moment < oldest]:
                del by_host[host]
        for host in self._unanswered.keys() - self._heard.keys():
            del self._unanswered[host]
        self._proven &= self._heard.keys()

    @property
    def is_new(self) -> bool:
        """Whether this process has neither heard nor asked anybody yet."""
        return self._looked_around is None and not self._heard

    @property
    def memory(self) -> Memory:
        listed = self.listed
        with self._lock:
            looked = self._looked_around
            ago = None if looked is None else timedelta(seconds=time.monotonic() - looked)
            return Memory(
                listed,
                dict(self._silent),
                dict(self._unheeding),
                {host: methods for host, methods in self._unanswered.items() if methods and host in listed},
                dict(self._ended),
                None if ago is None else datetime.now(timezone.utc) - ago,
            )

    def adopt(self, memory: Memory) -> None:
        """Know what another process knew, too: of each worker what is newer counts."""
        now = datetime.now(timezone.utc)
        with self._lock:
            for host, moment in memory.heard.items():
                if moment > self._last_known(host):
                    self._heard[host] = min(moment, now)
                    self._unanswered[host] = memory.unanswered.get(host, frozenset())
                    self._ended.pop(host, None)
            for host, moment in memory.ended.items():
                if moment > self._last_known(host):
                    self._heard.pop(host, None)
                    self._ended[host] = min(moment, now)
            self._silent = self._since(self._silent, memory.silent)
            self._unheeding = self._since(self._unheeding, memory.unheeding)
            if memory.looked_around is not None:
                looked = time.monotonic() - max(0.0, (now - memory.looked_around).total_seconds())
                self._looked_around = looked if self._looked_around is None else max(looked, self._looked_around)

    def _since(self, mine: Mapping[str, datetime], theirs: Mapping[str, datetime]) -> dict[str, datetime]:
        """Return who left a question unanswered and has not been heard since."""
        return {host: moment for host, moment in {**mine, **theirs}.items() if moment > self._last_known(host)}

    def _last_known(self, hostname: str) -> datetime:
        return max(self._heard.get(hostname, NEVER), self._ended.get(hostname, NEVER))

    def forget(self, hostname: str | None = None) -> None:
        """List a worker no more until it is heard again; without a name, none."""
        with self._lock:
            for by_host in (self._heard, self._unanswered, self._ended, self._silent, self._unheeding):
                if hostname is None:
                    by_host.clear()
                else:
                    by_host.pop(hostname, None)
            if hostname is None:
                self._looked_around = None
                self._announced = frozenset()


_known: dict[tuple[str, str], KnownWorkers] = {}


def known_workers() -> KnownWorkers:
    """Return this process's memory of the workers of the app and the broker that the settings mean now."""
    return _known.setdefault(connections.broker(), KnownWorkers())
