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
from .nodes import FAILURES, BackingOff, Nodes
from .protocol import Part, Question

#: Times that something is sent: to where it was, to where it has moved since, and to where it moves just now.
ROUNDS: Final = 3

ASKING: Final = protocol.packed((b"ASKING",))


@dataclass(slots=True)
class KeyRequest:
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
class Exchange:
    """A server's requests of one round. ``used`` says that the connection has waited since its last use."""

    address: Address
    requests: list[KeyRequest]
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
        requests = [KeyRequest(key, packed, 1) for key, packed in questions]
        self._run(requests)
        for request in requests:
            if request.failure is not None:
                raise self.unavailable(request.failure) from request.failure
        return [request.replies[0] for request in requests]

    def ask_all(self, packed: bytes) -> list[Any]:
        """Return each master's reply, or the error in its place. Raises StoreUnavailable when none of them answers."""
        requests = [KeyRequest(b"", packed, 1, address=address) for address in self.masters()]
        self._round(requests)
        failures = [request.failure for request in requests if request.failure is not None]
        if len(failures) == len(requests):
            raise self.unavailable(failures[0]) from failures[0]
        return [request.failure or request.replies[0] for request in requests]

    def execute(self, questions: Sequence[Question]) -> list[Any]:
        """Return the replies to what writes, errors among them. Raises StoreUnavailable."""
        return self.ask(questions)

    def carry_out(self, parts: Sequence[Part]) -> list[list[Any] | StoreUnavailable]:
        """Carry out each part, and return its replies or why there are none. Each is a transaction of its own.

        One for two keys would be refused while their slot moves to another server.
        """
        requests = [KeyRequest(key, *protocol.transaction(commands)) for key, commands in parts]
        self._run(requests)
        return [self._outcome(request) for request in requests]

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
        return [self.nodes.pool(address) for address in self.masters() if not self.nodes.is_backing_off(address)]

    def close(self) -> None:
        self.nodes.close()

    # -- requests ------------------------------------------------------------------------------------------------------

    def _run(self, requests: Sequence[KeyRequest]) -> None:
        """Send all of them, and those again that were sent elsewhere or met the end of a server."""
        left = [*requests]
        for number in range(ROUNDS):
            if number or not self.nodes.slots.owners:
                try:
                    self.nodes.look()
                except FAILURES as error:
                    for request in left:
                        request.failed(error)
                    return
            self._round(left)
            left = [
                request for request in left if request.failure is not None and self._may_be_sent_again(request.failure)
            ]
            if not left:
                return

    def _may_be_sent_again(self, failure: Exception) -> bool:
        """A server that backs off is asked again only when there is news of who has its slots."""
        return not isinstance(failure, BackingOff) or self.nodes.may_look()

    def _round(self, requests: Iterable[KeyRequest]) -> None:
        """Send these once. When one server has taken all the time there is, the others must have answered by then."""
        exchanges = [self._begun(address, grouped) for address, grouped in self._by_server(requests).items()]
        is_late = False
        for exchange in exchanges:
            if exchange.connection is not None:
                is_late |= self._ran_out_of_time(exchange, is_late=is_late)

    def _by_server(self, requests: Iterable[KeyRequest]) -> dict[Address, list[KeyRequest]]:
        grouped: dict[Address, list[KeyRequest]] = {}
        for request in requests:
            address = request.address or self.nodes.slots.owner(request.key)
            if address is None:
                request.failed(redis.ConnectionError("no server has this slot"))
            else:
                grouped.setdefault(address, []).append(request)
        return grouped

    def _begun(self, address: Address, requests: list[KeyRequest]) -> Exchange:
        exchange = Exchange(address, requests)
        try:
            exchange.connection, exchange.used = self.nodes.take(address)
            exchange.connection.send_packed_command([b"".join(map(_packed, requests))])
        except FAILURES as error:
            self._failed(exchange, error)
        return exchange

    def _ran_out_of_time(self, exchange: Exchange, *, is_late: bool) -> bool:
        """Read a server's replies. Return whether it took all the time there is; ``is_late`` says that none is left."""
        connection = exchange.connection
        try:
            if is_late and not connection.can_read(0):
                raise RedisTimeoutError("no answer in the time that another server took")
            for request in exchange.requests:
                replies = protocol.replies(connection, request.count + request.asks)
                request.answered(replies[request.asks :], exchange.address)
        except FAILURES as error:
            self._failed(exchange, error)
            return isinstance(error, (TimeoutError, RedisTimeoutError))
        except BaseException:  # a limit of the host's may strike here: a half-read connection is of no use
            connection.disconnect()
            raise
        self.nodes.give(exchange.address, connection)
        return False

    def _failed(self, exchange: Exchange, error: Exception) -> None:
        """Let go of a connection. One that had waited may have been closed by its server since: that is no outage."""
        if exchange.connection is not None:
            exchange.connection.disconnect()
            exchange.connection = None
        self.nodes.drop(exchange.address)
        if not isinstance(error, BackingOff) and not (exchange.used and isinstance(error, redis.ConnectionError)):
            self.nodes.failed(exchange.address, error)
        for request in exchange.requests:
            if not request.is_done:
                request.failed(error)

    def _outcome(self, request: KeyRequest) -> list[Any] | StoreUnavailable:
        if request.failure is not None:
            return self.unavailable(request.failure)
        try:
            return protocol.transaction_replies(request.replies)
        except StoreUnavailable as error:
            return error

    def unavailable(self, error: Exception) -> StoreUnavailable:
        """Return what to raise for this: whether all of the cluster is away, or a part."""
        kind = StoreUnavailable if self.nodes.are_away else StorePartlyUnavailable
        return kind(f"{type(error).__name__}: {error}")


def _packed(request: KeyRequest) -> bytes:
    return ASKING + request.packed if request.asks else request.packed
