"""Connections to Redis: the broker's own, as kombu would make them, and those of a URL.

kombu's channel reads the URL and the transport options, so whatever it understands is understood here: login, TLS,
sockets, sentinels, credential providers. A list of addresses is gone through until one of them answers.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit
from weakref import WeakKeyDictionary

import redis
from kombu.connection import Connection
from kombu.transport import redis as kombu_redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from ..conf import conf
from ..exceptions import WrongURL
from . import addresses

T = TypeVar("T")

#: A connection says nothing before the questions except who it is and which database it wants, and tries once.
LEAN: Final[dict[str, Any]] = {
    "protocol": 2,
    "health_check_interval": 0,
    "retry_on_timeout": False,
    "retry": Retry(NoBackoff(), 0),
    "decode_responses": False,
    "max_connections": 2**31,
    **({"driver_info": None} if find_spec("redis.driver_info") else {"lib_name": None, "lib_version": None}),
}

#: What a URL may begin with, and what redis-py calls it.
SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "unix": "unix",
    "redis+socket": "unix",
    "valkey": "redis",
    "valkeys": "rediss",
}
#: A host of sentinels, with a scheme of its own or without.
SENTINEL: Final = re.compile(r"\Asentinel://")


def bounds(seconds: float) -> dict[str, Any]:
    """Return the parameters of a connection that waits so many seconds to connect and to read, and tries once."""
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": Retry(NoBackoff(), 0)}


def is_redis(broker: Connection) -> bool:
    """Return whether this broker is a Redis of kombu's."""
    return broker.get_transport_cls().driver_type == "redis"


# -- the broker's -----------------------------------------------------------------------------------------------------


class _Silent:
    def ping(self) -> None:
        """kombu's channel asks at once whether Redis is there."""


class _Unopened(kombu_redis.Channel):
    """Mixed into kombu's channel: its reading of the parameters without its connection."""

    client = _Silent()

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        return {**super()._connparams(asynchronous), **LEAN}  # type: ignore[no-untyped-call]  # kombu has few types


class UnopenedChannel(_Unopened, kombu_redis.Channel):
    pass


class UnopenedSentinelChannel(_Unopened, kombu_redis.SentinelChannel):
    pass


class BrokersRedis:
    """The broker's Redis: kombu's channels, one an address, for what things are called, and ``pool`` to connect."""

    def __init__(self, seconds: float | None = None) -> None:
        """Connect to nothing. ``seconds`` is how long connections may take, as for a page if it is not said."""
        self._brokers = [*_addresses(seconds)]
        self._channels = [*map(_channel, self._brokers)]
        self.channel = self._channels[0]
        self.pool = pool_of([channel.pool for channel in self._channels])

    def close(self) -> None:
        self.pool.disconnect()
        for channel, broker in zip(self._channels, self._brokers, strict=True):
            channel.close()
            broker.release()


def _addresses(seconds: float | None) -> Iterator[Connection]:
    """Yield an unopened connection for each address; sentinels are one together."""
    for broker in addresses():
        if is_redis(broker):
            yield _bounded(broker, seconds)
        if _has_sentinels(broker):
            return


def _bounded(broker: Connection, seconds: float | None) -> Connection:
    if seconds is not None:
        options = broker.transport_options or {}
        of_sentinels = options.get("sentinel_kwargs") or {}
        broker.transport_options = {
            **options,
            **bounds(seconds),
            "sentinel_kwargs": {**of_sentinels, **bounds(seconds)},
        }
    return broker


def _has_sentinels(broker: Connection) -> bool:
    return issubclass(broker.get_transport_cls(), kombu_redis.SentinelTransport)


def _channel(broker: Connection) -> Any:
    return (UnopenedSentinelChannel if _has_sentinels(broker) else UnopenedChannel)(broker.transport)


# -- a URL's ----------------------------------------------------------------------------------------------------------


def pool_of_url(url: str, seconds: float) -> redis.ConnectionPool:
    """Return the connections of ``url``, none of them open. Raises WrongURL.

    It may be several of the same kind between semicolons, or ``sentinel://host:port;host:port/master/0``.
    """
    if SENTINEL.match(url):
        return _pool_of_sentinels(url, seconds)
    options = {**LEAN, **bounds(seconds)}
    return pool_of([redis.ConnectionPool.from_url(client_url(address), **options) for address in url.split(";")])


def client_url(url: str) -> str:
    """Return ``url`` as redis-py spells it: kombu has a scheme for sockets and names for TLS of its own.

    Raises WrongURL for a scheme that is not Redis's.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        schemes = ", ".join((*SCHEMES, "sentinel", "redis+cluster"))
        hint = f"Begin it with {'://, '.join(SCHEMES)}://, sentinel:// or redis+cluster://."
        raise WrongURL(f"STORE_URL must begin with one of {schemes}, not {parts.scheme!r}", hint)
    query = dict(parse_qsl(parts.query))
    if "virtual_host" in query:
        query["db"] = query.pop("virtual_host").strip("/") or "0"
    if "ssl_cert_reqs" in query:
        query["ssl_cert_reqs"] = query["ssl_cert_reqs"].lower().removeprefix("cert_")
    options = {key: value for key, value in query.items() if key == "db" or key == "password" or key.startswith("ssl_")}
    # Not urlunsplit: it leaves the slashes out where there is no host, and redis-py wants them.
    return f"{SCHEMES[parts.scheme]}://{parts.netloc}{parts.path}{'?' if options else ''}{urlencode(options)}"


def _pool_of_sentinels(url: str, seconds: float) -> redis.ConnectionPool:
    hosts = [urlsplit(f"//{SENTINEL.sub('', host)}") for host in url.split(";")]
    query = dict(parse_qsl(hosts[-1].query))
    path = next((host.path for host in reversed(hosts) if host.path.strip("/")), "")
    master, database = _master(path, query.get("master_name"))
    theirs = {name.removeprefix("sentinel_"): value for name, value in query.items() if name.startswith("sentinel_")}
    sentinels = Sentinel(
        [(host.hostname or "localhost", host.port or 26379) for host in hosts],
        sentinel_kwargs={**_login(theirs.get("username"), theirs.get("password")), **_tls(theirs), **bounds(seconds)},
    )
    login = next((host for host in hosts if host.password), hosts[0])
    parameters = {**LEAN, **bounds(seconds), **_tls(query), **_login(login.username, login.password), "db": database}
    return sentinels.master_for(master, redis.Redis, **parameters).connection_pool


def _master(path: str, name: str | None) -> tuple[str, int]:
    """Return the master's name and the database of ``/master/0``, or of ``/0`` and a name that is given besides."""
    names = [unquote(name) for name in path.split("/") if name]
    database = int(names.pop()) if names and names[-1].isdecimal() else 0
    master = names[0] if names else name or _brokers_master()
    if not master or len(names) > 1:
        hint = "Name the master and its database: sentinel://host:port;host:port/master/0."
        raise WrongURL("STORE_URL names no master of its sentinels", hint)
    return master, database


def _brokers_master() -> str | None:
    options = conf.celery_app.conf.broker_transport_options
    return options.get("master_name") if isinstance(options, Mapping) else None


def _login(username: str | None, password: str | None) -> dict[str, str]:
    login = {"username": username, "password": password}
    return {name: unquote(value) for name, value in login.items() if value}


def _tls(query: Mapping[str, str]) -> dict[str, Any]:
    options = {name: value for name, value in query.items() if name.startswith("ssl_")}
    if not options:
        return {}
    read = parse_url(client_url(f"rediss://host/0?{urlencode(options)}"))
    return {"ssl": True, **{name: value for name, value in read.items() if name.startswith("ssl_")}}


def connected(pool: redis.ConnectionPool) -> Any:
    """Return a new connection that is open: one of sentinels would go to localhost if it were first sent something."""
    connection = pool.make_connection()
    connection.connect()
    return connection


# -- several ----------------------------------------------------------------------------------------------------------


def pool_of(pools: Sequence[redis.ConnectionPool]) -> redis.ConnectionPool:
    """Return one pool of them all."""
    return pools[0] if len(pools) == 1 else FailoverPool(pools)


class FailoverPool(redis.ConnectionPool):
    """Several servers in order: connections are to the one that answered last, else to the next that does."""

    def __init__(self, pools: Sequence[redis.ConnectionPool]) -> None:
        self._pools, self._at = tuple(pools), 0
        self._owners: WeakKeyDictionary[Any, redis.ConnectionPool] = WeakKeyDictionary()
        super().__init__(connection_class=pools[0].connection_class, **pools[0].connection_kwargs)

    def get_connection(self, *args: Any, **options: Any) -> Any:
        return self._of_first(lambda pool: pool.get_connection(*args, **options))

    def make_connection(self) -> Any:
        """Return a connection that is open."""
        return self._of_first(connected)

    def release(self, connection: Any) -> None:
        self._owners[connection].release(connection)

    def disconnect(self, inuse_connections: bool = True) -> None:
        for pool in self._pools:
            pool.disconnect(inuse_connections)

    def pass_over(self) -> None:
        """Go over to the next server: the one that answered last can no longer be used."""
        self._at = (self._at + 1) % len(self._pools)

    def _of_first(self, connect: Callable[[redis.ConnectionPool], Any]) -> Any:
        failure: Exception | None = None
        for number in range(len(self._pools)):
            at = (self._at + number) % len(self._pools)
            try:
                connection = connect(self._pools[at])
            except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
                failure = error
            else:
                self._at, self._owners[connection] = at, self._pools[at]
                return connection
        raise failure or redis.ConnectionError("there is no server")
