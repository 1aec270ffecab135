"""``python -m celery_ops.alive HOSTNAME``: whether a worker gives signs of life, as a probe of its container asks.

Answers 0 or 1, from the store alone and within a second, and imports neither Django, Celery nor a Redis client: a probe
runs every few seconds beside a worker that wants the processor for itself. So it speaks to Redis itself, one key.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .tracking.keys import short_host, worker_key

URL: Final = "CELERY_OPS_STORE_URL"
PREFIX: Final = "CELERY_OPS_STORE_PREFIX"
#: Seconds that all of it may take, the interpreter's start left aside.
PATIENCE: Final = 0.8
#: Times that a node of a cluster may send on to another.
HOPS: Final = 3
SENTINEL_PORT: Final = 26379
#: How redis-py lets a URL say no.
FALSE: Final = ("0", "f", "false", "n", "no")
#: Bytes of a reply that are read: none that is meant is longer.
LONGEST: Final = 4096


class Unavailable(Exception):
    """The store gives no answer, or none that is understood."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and what it wants to know first."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""  # of a Unix socket
    username: str = ""
    password: str = ""
    database: int = 0
    tls: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """Servers, each tried until one answers; with a ``master`` they are sentinels, which know where that is."""

    addresses: tuple[Address, ...]
    master: str = ""
    #: What sentinels want to know themselves.
    sentinels: Address = field(default_factory=Address)


def store_of(url: str) -> Store:
    """Return where a ``STORE_URL`` points to. Raises ValueError when it is none."""
    scheme, _, rest = url.partition("://")
    if not rest:
        raise ValueError("the store's URL must begin like redis://")
    kind = scheme.lower()
    if kind in ("unix", "redis+socket"):
        return Store((_unix(rest),))
    if kind != "sentinel" and kind.removesuffix("+cluster") not in ("redis", "rediss", "valkey", "valkeys"):
        raise ValueError(f"{scheme}:// is no store that this can ask")
    is_tls = kind.startswith(("rediss", "valkeys"))
    separate = _nodes if kind.endswith("+cluster") else _servers
    texts = separate(rest)
    addresses = [_address(text, is_tls=is_tls, port=SENTINEL_PORT if kind == "sentinel" else 6379) for text in texts]
    if kind != "sentinel":
        return Store(tuple(addresses))
    return _sentinels(texts, addresses)


def _servers(rest: str) -> list[str]:
    """Return what several URLs between semicolons say, their schemes left away."""
    return [text.partition("://")[2] if "://" in text else text for text in rest.split(";")]


def _nodes(rest: str) -> list[str]:
    """Return the nodes of a cluster: a login before any of them is for all, and so are the options after the last."""
    texts = [text for part in _servers(rest) for text in part.split(",") if text]
    login = next((text.rpartition("@")[0] + "@" for text in texts if "@" in text), "")
    options = texts[-1].partition("?")[2]
    hosts = [text.rpartition("@")[2].partition("?")[0].partition("/")[0] for text in texts]
    return [f"{login}{host}?{options}" for host in hosts]


def _unix(rest: str) -> Address:
    parts = urlsplit(f"//{rest}")
    options = dict(parse_qsl(parts.query))
    return Address(
        path=unquote(parts.path),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or options.get("password", "")),
        database=int(options.get("virtual_host", options.get("db", "0")).strip("/") or 0),
    )


def _address(text: str, *, is_tls: bool, port: int) -> Address:
    parts = urlsplit(f"//{text}")
    options = dict(parse_qsl(parts.query))
    database = (options.get("virtual_host", options.get("db", "")) or parts.path.rpartition("/")[2]).strip("/")
    tls = _tls(options)
    return Address(
        host=parts.hostname or "localhost",
        port=parts.port or port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or options.get("password", "")),
        database=int(database) if database.isdecimal() else 0,
        tls=tls or ({} if is_tls else None),
    )


def _tls(options: dict[str, str]) -> dict[str, str] | None:
    return {name: value for name, value in options.items() if name.startswith("ssl_")} or None


def _sentinels(texts: list[str], addresses: list[Address]) -> Store:
    paths = [urlsplit(f"//{text}").path.strip("/") for text in texts]
    options = {name: value for text in texts for name, value in parse_qsl(urlsplit(f"//{text}").query)}
    path = next(filter(None, reversed(paths)), "")
    names = [unquote(name) for name in path.split("/") if name and not name.isdecimal()]
    master = names[0] if names else options.get("master_name", "")
    if not master:
        raise ValueError("the URL names no master of its sentinels: sentinel://host:port/master/0")
    login = next((address for address in addresses if address.password), addresses[0])
    database = next((address.database for address in addresses if address.database), 0)
    theirs = {name.removeprefix("sentinel_"): value for name, value in options.items() if name.startswith("sentinel_")}
    own = Address(username=theirs.get("username", ""), password=theirs.get("password", ""), tls=_tls(theirs))
    tls = _tls(options)
    return Store(
        tuple(
            replace(address, username=login.username, password=login.password, database=database, tls=tls)
            for address in addresses
        ),
        master,
        own,
    )


class Connection:
    """One server, asked one thing after the other until ``until`` (``time.monotonic()``)."""

    def __init__(self, address: Address, until: float) -> None:
        self._until = until
        self._socket = self._opened(address)
        self._file = self._socket.makefile("rb")
        try:
            if address.password:
                login = [address.username] if address.username else []
                self.ask("AUTH", *login, address.password)
            if address.database:
                self.ask("SELECT", str(address.database))
        except BaseException:
            self.close()
            raise

    def _opened(self, address: Address) -> socket.socket:
        if address.path:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self._left())
            try:
                connection.connect(address.path)
            except OSError:
                connection.close()
                raise
            return connection
        connection = socket.create_connection((address.host, address.port), timeout=self._left())
        if address.tls is None:
            return connection
        try:
            return _secured(connection, address)
        except OSError:
            connection.close()
            raise

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Unavailable("no answer in time")
        return left

    def ask(self, *words: str) -> bytes | list[bytes | None] | None:
        """Return the reply. Raises Unavailable, with the server's own words where it refuses."""
        raw = [word.encode("utf-8", "surrogatepass") for word in words]
        packed = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in raw)
        self._socket.settimeout(self._left())
        self._socket.sendall(b"*%d\r\n%b" % (len(raw), packed))
        return self._reply()

    def _reply(self) -> bytes | list[bytes | None] | None:
        self._socket.settimeout(self._left())
        line = self._file.readline(LONGEST)
        kind, rest = line[:1], line[1:].rstrip()
        if kind == b"-":
            raise Unavailable(rest.decode("utf-8", "replace"))
        if kind in (b"+", b":"):
            return rest
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self._file.read(min(length, LONGEST) + 2)[:-2]
        if kind == b"*":
            return [reply if isinstance(reply := self._reply(), bytes) else None for _ in range(min(int(rest), 8))]
        raise Unavailable("the connection was closed" if not line else "this is not Redis")

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()
            self._socket.close()


def _secured(connection: socket.socket, address: Address) -> socket.socket:
    import ssl  # only here: it takes a tenth of the time there is

    options = address.tls or {}
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"), capath=options.get("ssl_ca_path"))
    wanted = options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    context.check_hostname = wanted == "required" and _compares_names(options.get("ssl_check_hostname", ""))
    if wanted != "required":
        context.verify_mode = ssl.CERT_NONE if wanted == "none" else ssl.CERT_OPTIONAL
    if certificate := options.get("ssl_certfile"):
        context.load_cert_chain(certificate, options.get("ssl_keyfile"), options.get("ssl_password"))
    return context.wrap_socket(connection, server_hostname=address.host)


def _compares_names(said: str) -> bool:
    """Return whether the certificate is to be the host's, as the store itself has it: redis-py only since 6.0."""
    if said:
        return said.lower() not in FALSE
    from importlib.metadata import version

    return int(version("redis").partition(".")[0]) >= 6


def is_alive(hostname: str, url: str, prefix: str, seconds: float = PATIENCE) -> bool:
    """Return whether a worker has given a sign of life within the last minute.

    Raises ValueError for a URL that is none, and Unavailable or OSError when the store does not say.
    """
    until = time.monotonic() + seconds
    key = worker_key(prefix, short_host(hostname))
    failure: Exception = Unavailable("there is no server")
    for address in _masters(store_of(url), until):
        try:
            return _value(address, key, until) is not None
        except (OSError, Unavailable) as error:
            failure = error
    raise failure


def _masters(store: Store, until: float) -> Iterator[Address]:
    for address in store.addresses:
        if not store.master:
            yield address
            continue
        own = replace(store.sentinels, host=address.host, port=address.port)
        with suppress(OSError, Unavailable):
            connection = Connection(own, until)
            try:
                place = connection.ask("SENTINEL", "get-master-addr-by-name", store.master)
            finally:
                connection.close()
            if isinstance(place, list) and len(place) == 2 and place[0] and place[1]:
                yield replace(address, host=place[0].decode(), port=int(place[1]))


def _value(address: Address, key: str, until: float) -> object:
    """Return what a key holds, wherever a cluster has it."""
    is_moving = False
    for _ in range(HOPS):
        connection = Connection(address, until)
        try:
            if is_moving:
                connection.ask("ASKING")
            return connection.ask("GET", key)
        except Unavailable as error:
            word, _slot, place = (*str(error).split(), "", "", "")[:3]
            host, _, port = place.rpartition(":")
            if word not in ("MOVED", "ASK") or not port.isdecimal():
                raise
            is_moving = word == "ASK"  # the slot is on its way there: that node answers only who says so first
            address = replace(address, host=host or address.host, port=int(port))
        finally:
            connection.close()
    raise Unavailable("the cluster sends from node to node")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the worker is alive, 1 when it is not or nobody can say, and 2 for what is asked wrongly."""
    parser = argparse.ArgumentParser(prog="python -m celery_ops.alive", description=__doc__.splitlines()[0])
    parser.add_argument("hostname", help="the worker's name, such as celery@web-1")
    parser.add_argument(
        "--store", default=os.environ.get(URL) or "redis://localhost:6379/0", help=f"the URL; else {URL}"
    )
    parser.add_argument("--prefix", default=os.environ.get(PREFIX) or "celery_ops", help=f"STORE_PREFIX; else {PREFIX}")
    options = parser.parse_args(arguments)
    try:
        alive = is_alive(options.hostname, options.store, options.prefix)
    except ValueError as error:
        parser.error(str(error))
    except (OSError, Unavailable) as error:
        print(f"The store does not answer: {error or type(error).__name__}", file=sys.stderr)
        return 1
    print(f"{options.hostname} {'is alive' if alive else 'gives no sign of life'}")
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main())
