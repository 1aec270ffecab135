"""A Redis Cluster: what goes to one server goes there at once, and all of them are asked before any is waited for.

redis-py's own client of clusters is not used: it asks a server what commands there are before it sends the first, and
tries again for longer than a host may wait. Its connections, its errors and its reading of the slots are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from redis.exceptions import AskError, MovedError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...connections.cluster import Address, ClusterServers
from ...connections.redis import connected
from ...exceptions import StorePartlyUnavailable, StoreUnavailable
from . import protocol
from .hashes import Hashes, Outcome
from .nodes import FAILURES, Nodes, Resting
from .protocol import Part, Question

#: Times that something is sent: to where it was, to where it has moved since, and to where it moves just now.
ROUNDS: Final = 3

ASKING: Final = protocol.packed((b"ASKING",))


@dataclass(slots=True)
class Errand:
    """What is sent to the server that has ``key``, and what came of it: replies, or why there are none.

    ``address`` is where a server has said to go, and ``asks`` that the key is on its way there.
    """

    key: bytes
    packed: bytes
    count: int
    replies: list[Any] = field(default_factory=list)
    failure: Exception | None = None
    address: Address | None = None
    asks: bool = False

    @property
    def is_done(self) -> bool:
        return bool(self.replies)

    def answered(self, replies: list[Any], by: Address) -> None:
        """Note what a server has replied: that it was carried out, or where to go."""
        moved = next((reply for reply in replies if isinstance(reply, AskError)), None)  # MovedError is one
        if moved is None:
            self.replies, self.failure = replies, None
        else:
            self.failure = moved
            self.address, self.asks = (moved.host or by[0], moved.port), not isinstance(moved, MovedError)

    def failed(self, error: Exception) -> None:
        self.failure, self.address, self.asks = error, None, False


@dataclass(slots=True)
class Visit:
    """A server's errands of one round. ``used`` says that the connection has waited since its last use."""

    address: Address
    errands: list[Errand]
    connection: Any = None
    used: bool = False


class Cluster:
    """Sends each key's commands to the server that has it. Several threads may share it.

    A server that fails is left alone for a while, and what is meant for others goes on.
    """

    def __init__(self, servers: ClusterServers) -> None:
        """Connect to nothing."""
        self.nodes = Nodes(servers)

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """Return a reply for each, errors among them. Raises StoreUnavailable when one of their servers is away."""
        errands = [Errand(key, packed, 1) for key, packed in questions]
        self._run(errands)
        for errand in errands:
            if errand.failure is not None:
                raise self.unavailable(errand.failure) from errand.failure
        return [errand.replies[0] for errand in errands]

    def ask_all(self, packed: bytes) -> list[Any]:
        """Return each master's reply, or the error in its place. Raises StoreUnavailable when none of them answers."""
        errands = [Errand(b"", packed, 1, address=address) for address in self.masters()]
        self._round(errands)
        failures = [errand.failure for errand in errands if errand.failure is not None]
        if len(failures) == len(errands):
            raise self.unavailable(failures[0]) from failures[0]
        return [errand.failure or errand.replies[0] for errand in errands]

    def execute(self, questions: Sequence[Question]) -> list[Any]:
        """Return the replies to what writes, errors among them. Raises StoreUnavailable."""
        return self.ask(questions)

    def carry_out(self, parts: Sequence[Part]) -> list[list[Any] | StoreUnavailable]:
        """Carry out each part, and return its replies or why there are none. Each is a transaction of its own.

        One for two keys would be refused while their slot moves to another server.
        """
        errands = [Errand(key, *protocol.transaction(commands)) for key, commands in parts]
        self._run(errands)
        return [self._outcome(errand) for errand in errands]

    def write(self, hashes: Hashes) -> dict[int, Outcome]:
        """Write them, and return what there is to tell of each by its number."""
        missing: dict[int, Outcome] = {}
        replies: dict[int, list[Any]] = {}
        for number, outcome in enumerate(self.carry_out(hashes.parts())):
            if isinstance(outcome, StoreUnavailable):
                missing[number] = outcome
            else:
                replies[number] = outcome
        return {**missing, **hashes.told(replies)}

    def connected(self, key: bytes) -> Any:
        """Return a new connection to where ``key`` is, which is the caller's. Raises what redis-py does."""
        self.nodes.look()
        if (address := self.nodes.slots.owner(key)) is None:
            raise redis.ConnectionError("no server has this slot")
        return connected(self.nodes.pool(address))

    def masters(self) -> tuple[Address, ...]:
        """Return where the masters are. Raises StoreUnavailable."""
        if not self.nodes.slots.owners or self.nodes.may_look():
            try:
                self.nodes.look()
            except FAILURES as error:
                raise self.unavailable(error) from error
        return self.nodes.slots.masters

    def known_pools(self) -> list[redis.ConnectionPool]:
        """Return connections to each server that the settings name."""
        return [self.nodes.pool(address) for address in self.nodes.named]

    def pools(self) -> list[redis.ConnectionPool]:
        """Return connections to each server that has keys and is there. Raises StoreUnavailable."""
        return [self.nodes.pool(address) for address in self.masters() if not self.nodes.rests(address)]

    def close(self) -> None:
        self.nodes.close()

    # -- errands ------------------------------------------------------------------------------------------------------

    def _run(self, errands: Sequence[Errand]) -> None:
        """Go on all of them, and again on those that were sent elsewhere or met the end of a server."""
        left = [*errands]
        for number in range(ROUNDS):
            if number or not self.nodes.slots.owners:
                try:
                    self.nodes.look()
                except FAILURES as error:
                    for errand in left:
                        errand.failed(error)
                    return
            self._round(left)
            left = [errand for errand in left if errand.failure is not None and self._may_go_again(errand.failure)]
            if not left:
                return

    def _may_go_again(self, failure: Exception) -> bool:
        """A server that rests is met again only when there is news of who has its slots."""
        return not isinstance(failure, Resting) or self.nodes.may_look()

    def _round(self, errands: Iterable[Errand]) -> None:
        """Go on these once. When one server has taken all the time there is, the others must have answered by then."""
        visits = [self._begun(address, grouped) for address, grouped in self._by_server(errands).items()]
        is_late = False
        for visit in visits:
            if visit.connection is not None:
                is_late |= self._ran_out_of_time(visit, is_late=is_late)

    def _by_server(self, errands: Iterable[Errand]) -> dict[Address, list[Errand]]:
        grouped: dict[Address, list[Errand]] = {}
        for errand in errands:
            address = errand.address or self.nodes.slots.owner(errand.key)
            if address is None:
                errand.failed(redis.ConnectionError("no server has this slot"))
            else:
                grouped.setdefault(address, []).append(errand)
        return grouped

    def _begun(self, address: Address, errands: list[Errand]) -> Visit:
        visit = Visit(address, errands)
        try:
            visit.connection, visit.used = self.nodes.take(address)
            visit.connection.send_packed_command([b"".join(map(_packed, errands))])
        except FAILURES as error:
            self._failed(visit, error)
        return visit

    def _ran_out_of_time(self, visit: Visit, *, is_late: bool) -> bool:
        """Read a server's replies. Return whether it took all the time there is; ``is_late`` says that none is left."""
        connection = visit.connection
        try:
            if is_late and not connection.can_read(0):
                raise RedisTimeoutError("no answer in the time that another server took")
            for errand in visit.errands:
                replies = protocol.replies(connection, errand.count + errand.asks)
                errand.answered(replies[errand.asks :], visit.address)
        except FAILURES as error:
            self._failed(visit, error)
            return isinstance(error, (TimeoutError, RedisTimeoutError))
        except BaseException:  # a limit of the host's may strike here: a half-read connection is of no use
            connection.disconnect()
            raise
        self.nodes.give(visit.address, connection)
        return False

    def _failed(self, visit: Visit, error: Exception) -> None:
        """Let go of a connection. One that had waited may have been closed by its server since: that is no outage."""
        if visit.connection is not None:
            visit.connection.disconnect()
            visit.connection = None
        self.nodes.drop(visit.address)
        if not isinstance(error, Resting) and not (visit.used and isinstance(error, redis.ConnectionError)):
            self.nodes.failed(visit.address, error)
        for errand in visit.errands:
            if not errand.is_done:
                errand.failed(error)

    def _outcome(self, errand: Errand) -> list[Any] | StoreUnavailable:
        if errand.failure is not None:
            return self.unavailable(errand.failure)
        try:
            return protocol.transaction_replies(errand.replies)
        except StoreUnavailable as error:
            return error

    def unavailable(self, error: Exception) -> StoreUnavailable:
        """Return what to raise for this: whether all of the cluster is away, or a part."""
        kind = StoreUnavailable if self.nodes.are_away else StorePartlyUnavailable
        return kind(f"{type(error).__name__}: {error}")


def _packed(errand: Errand) -> bytes:
    return ASKING + errand.packed if errand.asks else errand.packed
