"""Who is there, learnt without asking the workers: what the broker has bound, and what workers say of themselves.

In Redis kombu keeps a set of the queues for remote control, whose names are the workers'. A worker that ends takes its
own out; of one that was killed it stays. RabbitMQ drops the queue of either, and names none unless asked for it.

The store has the signs of life that celery_ops's own workers give: only there one that said goodbye, one that was
killed and one that stands still can be told apart for certain. A worker without them is never called gone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any, Final, cast

from amqp.exceptions import ChannelError, NotFound
from redis.exceptions import ResponseError

from ... import connections
from ...conf import conf
from ...connections import target
from ...connections.keyspace import keyspace
from ...exceptions import StoreUnavailable
from ...info import ENDED, GONE, NO_REPLY
from ...tracking.recorder import recorder
from ...tracking.signs import Sign
from ...tracking.store import BEAT_COUNTS, BEAT_EVERY, Store
from .known_workers import MOST_HOSTNAMES, is_hostname, known_workers
from .looks import Standing

#: Bytes that AMQP has room for in a name.
LONGEST_NAME: Final = 255
#: For how long a worker that ended well is listed.
ENDED_LISTED: Final = timedelta(minutes=10)
#: Seconds after its last sign of life from which a worker without a connection is gone: it would have given the next.
QUIET: Final = BEAT_EVERY + 1


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is there. ``bound`` is None where the broker does not name the workers.

    ``signs`` are the newest of each process, by hostname, the process that was started last first; ``now`` is when they
    were read, by their own clock in ms. ``connected`` has the keys of those with an open connection, None when unknown.
    """

    bound: frozenset[str] | None = None
    signs: Mapping[str, tuple[Sign, ...]] = field(default_factory=dict)
    now: int = 0
    connected: Collection[str] | None = None

    @property
    def alive(self) -> frozenset[str]:
        """Those that should answer when they are asked."""
        signed = {host for host in self.signs if self.of(host).state == NO_REPLY}
        return frozenset(signed | ((self.bound or frozenset()) - self.signs.keys()))

    @property
    def absent(self) -> set[str]:
        """Those of which it is known that they are not there."""
        return self.signs.keys() - self.alive

    def of(self, hostname: str) -> Standing:
        """Return the state of a worker that gives signs, if it does not answer."""
        sign = self.signs[hostname][0]
        return Standing(self._state(sign), datetime.fromtimestamp(sign.seen / 1000, timezone.utc))

    def lists(self, standing: Standing) -> bool:
        """Return whether a worker of this standing is to be listed still."""
        now = datetime.fromtimestamp(self.now / 1000, timezone.utc) if self.now else datetime.now(timezone.utc)
        return standing.state != ENDED or now - standing.last_seen < ENDED_LISTED

    @property
    def twice(self) -> frozenset[str]:
        """The names that two living processes have."""
        return frozenset(host for host, signs in self.signs.items() if len(signs) > 1 and self._are_two(*signs[:2]))

    def _are_two(self, newer: Sign, older: Sign) -> bool:
        """One that was killed and started anew is only one: it gave no sign since."""
        return older.seen > newer.started and all(self._state(sign) == NO_REPLY for sign in (newer, older))

    def _state(self, sign: Sign) -> str:
        if sign.is_leaving:
            return ENDED
        quiet = self.now - sign.seen
        if self.connected is None or not sign.client:
            return NO_REPLY if quiet < 1000 * BEAT_COUNTS else GONE
        return NO_REPLY if quiet < 1000 * QUIET or sign.key in self.connected else GONE


def look(within: float = 2 * connections.CONNECT_TIMEOUT) -> Presence:
    """Return who is there; the broker has ``within`` seconds to say it. A store that is away costs only what it knows.

    Raises BrokerUnavailable when the broker does not answer.
    """
    bound = None
    if target.target().driver == "redis":
        bound = connections.within(within, _bound_hosts)
    try:
        return recorder().ask(lambda store: _presence(store, bound))
    except StoreUnavailable:
        return Presence(bound)


def learn() -> frozenset[str] | None:
    """Have the next round wait for the workers that should be there, and return their hostnames.

    None where nobody can say it. Raises BrokerUnavailable when the broker does not answer.
    """
    presence = look()
    if presence.bound is None and not presence.signs:
        return None
    known_workers().part(presence.absent)
    known_workers().expect(presence.alive, are_all=presence.bound is not None)
    return presence.alive


def departed_workers(hostnames: Iterable[str], presence: Presence) -> dict[str, Standing]:
    """Return those of the silent workers that are not there any more, as far as it is known, and how they went.

    Raises BrokerUnavailable when the broker has to be asked once more and does not answer.
    """
    signed = {host: presence.of(host) for host in hostnames if host in presence.signs}
    left = _left(set(hostnames) - signed.keys(), presence.bound)
    now = datetime.now(timezone.utc)
    return {
        **{host: standing for host, standing in signed.items() if standing.state != NO_REPLY},
        **{host: Standing(ENDED, now) for host in left},
    }


def _left(hosts: Collection[str], bound: frozenset[str] | None) -> Collection[str]:
    """Return those of the workers without a sign whose queue for remote control is not there any more."""
    if bound is not None:
        return set(hosts) - bound
    if not hosts or target.target().driver != "amqp":
        return ()
    read = connections.within(2 * connections.CONNECT_TIMEOUT, lambda: _readers(sorted(hosts)))
    return [host for host, number in read if not number]


def shared_hostnames(hostnames: Iterable[str]) -> frozenset[str]:
    """Return those of which two workers read the questions in turns, where the broker is RabbitMQ and tells that.

    Raises BrokerUnavailable when it does not answer.
    """
    if target.target().driver != "amqp":
        return frozenset()
    hosts = sorted(hostnames)
    return connections.within(
        2 * connections.CONNECT_TIMEOUT, lambda: frozenset(host for host, number in _readers(hosts) if number > 1)
    )


def _presence(store: Store, bound: frozenset[str] | None) -> Presence:
    signs, now = store.signs()
    believed = sorted(
        (sign for sign in signs if is_hostname(sign.hostname)), key=lambda sign: (sign.hostname, -sign.started)
    )[:MOST_HOSTNAMES]
    by_host = {host: tuple(group) for host, group in groupby(believed, key=lambda sign: sign.hostname)}
    late = [sign for sign in believed if now - sign.seen >= 1000 * QUIET and not sign.is_leaving]
    return Presence(bound, by_host, now, store.connected(late) if late else ())


def _bound_hosts() -> frozenset[str] | None:
    keys = keyspace(target.target().identity)
    exchange = _exchange()
    ending = f".{exchange}"
    try:
        members = cast("list[bytes]", keys.client.srandmember(keys.bindings(exchange), MOST_HOSTNAMES))
    except ResponseError:  # some hosts of Redis allow few commands
        return None
    queues = (queue for _key, queue in filter(None, map(keys.split, members)))
    hosts = (queue.removesuffix(ending) for queue in queues if queue.endswith(ending))
    workers = known_workers()
    return frozenset(host for host in hosts if is_hostname(host) and not workers.is_beat(host))


def _readers(hosts: Iterable[str]) -> list[tuple[str, int]]:
    """Return how many read each worker's queue for remote control: each is asked for by its name. RabbitMQ only."""
    with connections.opened() as connection:
        return [(host, _consumers(connection, f"{host}.{_exchange()}")) for host in hosts if _fits(host)]


def _consumers(connection: Any, name: str) -> int:
    """Return 0 for a queue that is not there: one is deleted when nobody reads it any more."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(name, passive=True).consumer_count)
        except NotFound:
            return 0
        except ChannelError:  # such as of one that is another connection's alone
            return 1


def _fits(hostname: str) -> bool:
    """Whether AMQP has room for the name of its queue."""
    return len(f"{hostname}.{_exchange()}".encode("utf-8", "replace")) <= LONGEST_NAME


def _exchange() -> str:
    return f"{conf.celery_app.conf.control_exchange}.pidbox"
