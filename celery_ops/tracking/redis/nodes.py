"""The servers of a Redis Cluster: which has which keys, connections to each, and which of them are away."""

import threading
import time
from bisect import bisect_left
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis.cluster import parse_cluster_slots
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import RedisError

from ...connections.cluster import Address, ClusterServers
from ...connections.redis import connected
from . import protocol
from .server import MAX_IDLE

#: Seconds for which a server that failed is not asked again, doubled each time up to the longest.
BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 30.0
#: Seconds between two looks at where the slots are, while the server of some is away.
LOOK_EVERY: Final = 1.0

LAST_SLOT: Final = REDIS_CLUSTER_HASH_SLOTS - 1
SLOTS: Final = protocol.packed((b"CLUSTER", b"SLOTS"))

#: What a connection may raise.
FAILURES: Final = (RedisError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Slots:
    """Ranges of slots, by the first and the last of each, and the masters that have them."""

    firsts: tuple[int, ...] = ()
    lasts: tuple[int, ...] = ()
    owners: tuple[Address, ...] = ()
    replicas: tuple[Address, ...] = ()

    def owner(self, key: bytes) -> Address | None:
        """Return the master that has ``key``; None where no server is said to have it."""
        slot = key_slot(key)
        at = bisect_left(self.lasts, slot)
        return self.owners[at] if at < len(self.lasts) and self.firsts[at] <= slot else None

    @property
    def are_complete(self) -> bool:
        """Whether each slot has a server."""
        return self.firsts == (0, *(last + 1 for last in self.lasts[:-1])) and self.lasts[-1:] == (LAST_SLOT,)

    @property
    def masters(self) -> tuple[Address, ...]:
        return tuple(dict.fromkeys(self.owners))


def slots_of(reply: Any, host: str) -> Slots:
    """Return what a server at ``host`` answers to ``CLUSTER SLOTS``. Raises ValueError when that is no answer."""
    try:
        ranges = sorted(parse_cluster_slots(reply, current_host=host).items())
        replicas = dict.fromkeys(replica for _range, servers in ranges for replica in servers["replicas"])
        return Slots(
            tuple(first for (first, _last), _servers in ranges),
            tuple(last for (_first, last), _servers in ranges),
            tuple(servers["primary"] for _range, servers in ranges),
            tuple(replicas),
        )
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise ValueError(f"this is no answer of a cluster: {reply!r:.80}") from error


@dataclass(frozen=True, slots=True)
class Backoff:
    """Until when, by ``time.monotonic()``, a server is left alone, for how long that is in seconds, and why."""

    until: float
    length: float
    error: Exception


class BackingOff(redis.ConnectionError):
    """A server was not asked, because it failed a moment ago."""


class Nodes:
    """One cluster's servers, for one process. Several threads may share it."""

    def __init__(self, servers: ClusterServers) -> None:
        """Connect to nothing."""
        self._servers = servers
        self.named = servers.known
        self._lock = threading.Lock()
        self.slots = Slots()
        self._looked = float("-inf")
        self._pools: dict[Address, redis.ConnectionPool] = {}
        self._idle: dict[Address, deque[Any]] = {}
        self._backoffs: dict[Address, Backoff] = {}

    # -- where the slots are ------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask where the slots are, whichever server answers first. Raises what redis-py does when none answers."""
        self._looked = time.monotonic()
        failure: Exception | None = None
        for address in self._known():
            try:
                slots = slots_of(self._asked(address), address[0])
            except FAILURES as error:
                self.failed(address, error)
                failure = error
            else:
                if slots.owners:  # else it was thrown out, or has not been let in yet
                    self.slots = slots
                    self._forget_gone()
                    return
        raise failure or redis.ConnectionError("no server of the cluster has any slots")

    def may_look(self) -> bool:
        """Return whether the last look is long enough ago, while a server is away."""
        return time.monotonic() >= self._looked + LOOK_EVERY

    def _forget_gone(self) -> None:
        """Let go of servers that have left: where addresses change often, they would become many."""
        addresses = {*self._known()}
        for address in [address for address in list(self._pools) if address not in addresses]:
            self.drop(address)
            for by_address in (self._pools, self._idle, self._backoffs):
                by_address.pop(address, None)

    def _asked(self, address: Address) -> Any:
        connection = connected(self.pool(address))
        try:
            connection.send_packed_command([SLOTS])
            return connection.read_response()
        finally:
            connection.disconnect()

    def _known(self) -> list[Address]:
        """Return every address there is to ask; those that back off come last, for when nothing else is left."""
        addresses = dict.fromkeys((*self.slots.masters, *self.named, *self.slots.replicas))
        return sorted(addresses, key=self.is_backing_off)

    # -- which are away -----------------------------------------------------------------------------------------------

    def is_backing_off(self, address: Address) -> bool:
        """Return whether this server failed a moment ago."""
        backoff = self._backoffs.get(address)
        return backoff is not None and backoff.until > time.monotonic()

    def failed(self, address: Address, error: Exception) -> None:
        """Leave a server alone for a while."""
        backoff = self._backoffs.get(address)
        length = min(LONGEST_BACKOFF, 2 * backoff.length) if backoff else BACKOFF
        self._backoffs[address] = Backoff(time.monotonic() + length, length, error)

    @property
    def are_away(self) -> bool:
        """Whether no master is known to be there."""
        return all(map(self.is_backing_off, self.slots.masters))

    # -- connections --------------------------------------------------------------------------------------------------

    def pool(self, address: Address) -> redis.ConnectionPool:
        with self._lock:
            if address not in self._pools:
                self._pools[address] = self._servers.pool(address)
            return self._pools[address]

    def take(self, address: Address) -> tuple[Any, bool]:
        """Return an open connection, and whether it has waited since its last use.

        Raises what redis-py does, and BackingOff.
        """
        if self.is_backing_off(address):
            error = self._backoffs[address].error
            raise BackingOff(f"{address[0]}:{address[1]} is away: {error}") from error
        try:
            return self._idle[address].pop(), True
        except (KeyError, IndexError):
            return connected(self.pool(address)), False

    def give(self, address: Address, connection: Any) -> None:
        """Keep a connection, all of whose replies have been read: its server is there."""
        self._backoffs.pop(address, None)
        self._idle.setdefault(address, deque(maxlen=MAX_IDLE)).append(connection)

    def drop(self, address: Address) -> None:
        """Close what waits: when one connection to a server has ended, the others have, too."""
        with suppress(KeyError, IndexError):  # another thread may have taken the last one
            while True:
                self._idle[address].pop().disconnect()

    def close(self) -> None:
        for address in list(self._idle):
            self.drop(address)
