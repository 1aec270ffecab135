"""Tracked tasks in Redis or Valkey: one hash an object, one field a fact.

``{prefix}:{label:pk}`` holds short values only, so that it keeps Redis's compact encoding; values over 64 bytes lie in
``{prefix}:{label:pk}:long`` under the same field. The braces are a hash tag: an object's two keys share a slot.
"""

import hashlib
import re
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ExecAbortError, RedisError, ResponseError

from .. import connections
from ..conf import conf
from ..connections.redis import SCHEMES, BrokersRedis, connected, is_redis, pool_of_url
from ..connections.redis import client_url as client_url  # where it has always been found
from ..exceptions import StoreUnavailable
from . import lifeline, prefix
from .memory import TRIM_ABOVE, oldest_fields
from .refs import ObjectRef
from .signs import Sign
from .store import BEAT_COUNTS, INDEX, Batch, IfAbsent, Store, lifetime

#: Redis's hash-max-listpack-value: one longer value turns the whole hash into a table five times its size.
SHORT: Final = 64
#: Stands in the short hash for a value that lies in the long one.
ELSEWHERE: Final = b"~"
MAX_IDLE: Final = 16

#: Writes of a process between two that ask how large the objects' hashes have become.
MEASURE_EVERY: Final = 16

#: Answers what stands for a hash, and the hash unless that is ARGV[1]: most who ask have seen it. What is no hash is
#: refused before all of it would be copied.
READ_UNLESS: Final = b"""
local kept = redis.call('HLEN', KEYS[1]) > 0 and redis.call('DUMP', KEYS[1])
local version = kept and redis.sha1hex(kept) or 'none'
if version == ARGV[1] then return {version} end
return {version, redis.call('HGETALL', KEYS[1])}
"""
#: What a server answers that may take a script again in a moment.
PASSING: Final = ("BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "TRYAGAIN")
#: What a key carries as it is; anything else takes ten times as long to find out.
_PLAIN: Final = re.compile(r"[\w.~-]{1,200}", re.ASCII)

Command = tuple[bytes, ...]
Pair = tuple[bytes, bytes, bool]  # a field, its value, and whether one that is there stays
#: That command with a key of so many bytes, packed.
_HGETALL: Final = b"*2\r\n$7\r\nHGETALL\r\n$%d\r\n%b\r\n"


class RedisStore(Store):
    """The server at ``STORE_URL``, or the broker's. Every call is one round trip within ``STORE_TIMEOUT``.

    Nothing is retried: only a list of addresses is gone through until one of them answers.

    Commands are packed here and not by redis-py's pipeline, which costs a tracked ``delay()`` more than all the rest.
    """

    def __init__(self) -> None:
        self._pool, self._broker = store_pool(conf.STORE_TIMEOUT)
        self._idle: deque[Any] = deque(maxlen=MAX_IDLE)
        self._writes = 0
        self._takes_scripts = True
        self._signing = threading.Lock()
        self._lifeline: lifeline.Lifeline | None = None

    def write(self, batch: Batch) -> int:
        """One transaction: a key is never without its time to live, whatever happens to the connection."""
        self._writes += 1
        measured = self._writes % MEASURE_EVERY == 0
        commands: list[Command] = [(b"MULTI",)]
        first: list[int] = []  # of each object's replies
        for ref, fields in batch:
            key, ttl = self._key(ref), b"%d" % lifetime(ref)
            short, long = _split(fields)
            first.append(len(commands) - 1)
            commands += (*_setting(key, short), (b"EXPIRE", key, ttl), *_setting(key + b":long", long))
            if long or ref.label != INDEX:  # an index's long values need not outlive what they were written with
                commands.append((b"EXPIRE", key + b":long", ttl))
            if measured:
                commands.append((b"HLEN", key))
        commands.append((b"EXEC",))
        replies = self._call(commands)
        done = replies.pop()
        for error in (*replies, *(done if isinstance(done, list) else (done,))):
            if isinstance(error, ResponseError) and not isinstance(error, ExecAbortError) and not _is_foreign(error):
                raise StoreUnavailable(str(error)) from error
        if not isinstance(done, list):
            raise StoreUnavailable(f"the transaction came to {done!r:.80}")
        refused = 0
        for position, end, (ref, _) in zip(first, [*first[1:], len(done)], batch, strict=True):
            if any(map(_is_foreign, done[position:end])):
                refused += 1
            elif measured and done[end - 1] > TRIM_ABOVE and ref.label != INDEX:
                self._trim(ref)
        return refused

    def read(self, refs: Sequence[ObjectRef]) -> list[dict[str, str | None]]:
        packed = b"".join([_HGETALL % (len(key), key) for key in self._keys(refs)])
        return [_fields(reply) if reply else {} for reply in self._send(packed, len(refs))]

    def read_unless(self, ref: ObjectRef, version: str) -> tuple[str, dict[str, str | None] | None]:
        if not self._takes_scripts:
            return super().read_unless(ref, version)
        (reply,) = self._call([(b"EVAL", READ_UNLESS, b"1", self._key(ref), version.encode())])
        if isinstance(reply, ResponseError):  # a user of Redis may be refused EVAL or DUMP
            self._takes_scripts = _is_foreign(reply) or str(reply).startswith(PASSING)
            return super().read_unless(ref, version)
        return _text(reply[0]), _fields(reply[1]) if len(reply) > 1 else None

    def look_up(
        self, fields: Sequence[tuple[ObjectRef, str]], hostnames: Sequence[str] = ()
    ) -> tuple[list[str | None], dict[str, int]]:
        commands: list[Command] = [(b"HGET", self._key(ref) + b":long", name.encode()) for ref, name in fields]
        commands += [(b"GET", self._worker_key(host)) for host in hostnames]
        answers = self._call(commands) if commands else []
        replies = [None if isinstance(answer, ResponseError) else answer for answer in answers]
        values = [None if reply is None else _text(reply) for reply in replies[: len(fields)]]
        beats = zip(hostnames, replies[len(fields) :], strict=True)
        return values, {host: int(reply) for host, reply in beats if reply is not None and reply.isdigit()}

    def beat(self, hostname: str, started: int) -> None:
        (reply,) = self._call([(b"SET", self._worker_key(hostname), b"%d" % started, b"EX", b"%d" % BEAT_COUNTS)])
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(str(reply)) from reply

    def sign(self, sign: Sign) -> bool:
        with self._signing:
            try:
                self._lifeline = self._lifeline or lifeline.opened(connected(self._pool), self._signs_key)
                self._lifeline.say(sign)
            except (RedisError, OSError, ValueError) as error:
                self._lifeline = None
                raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
        return True

    def signs(self) -> tuple[Sequence[Sign], int]:
        kept, time = self._call([(b"HVALS", self._signs_key), (b"TIME",)])
        return lifeline.read(kept, time)

    def connected(self, signs: Sequence[Sign]) -> Collection[str] | None:
        clients = [b"%d" % sign.client for sign in signs if sign.client]
        if not clients:
            return None
        (reply,) = self._call([(b"CLIENT", b"LIST", b"ID", *clients)])
        return lifeline.connected(reply, signs)

    def ping(self) -> None:
        (reply,) = self._call([(b"PING",)])
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(str(reply)) from reply

    def close(self) -> None:
        with suppress(IndexError):  # another thread may have taken the last one
            while True:
                self._idle.pop().disconnect()

    def _trim(self, ref: ObjectRef) -> None:
        (stored,) = self.read([ref])
        if dropped := oldest_fields(stored):
            names = [name.encode() for name in dropped]
            key = self._key(ref)
            self._call([(b"HDEL", key, *names), (b"HDEL", key + b":long", *names)])

    def _key(self, ref: ObjectRef) -> bytes:
        return self._keys([ref])[0]

    @staticmethod
    def _keys(refs: Sequence[ObjectRef]) -> list[bytes]:
        first = _quoted(prefix.current())
        return [f"{first}:{{{_part(ref.label)}:{_part(ref.pk)}}}".encode() for ref in refs]

    def _worker_key(self, hostname: str) -> bytes:
        return f"{_quoted(prefix.of_workers())}:worker:{_part(hostname)}".encode()

    @property
    def _signs_key(self) -> bytes:
        return f"{_quoted(prefix.of_workers())}:workers".encode()

    def _call(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands at once and return a reply for each, errors among them."""
        return self._send(b"".join(map(_packed, commands)), len(commands))

    def _send(self, packed: bytes, number: int) -> list[Any]:
        """Send so many packed commands and return a reply for each, errors among them."""
        try:
            try:
                connection, used = self._idle.pop(), True
            except IndexError:
                connection, used = connected(self._pool), False
            try:
                return self._exchange(connection, packed, number)
            except RedisConnectionError:
                # A connection that waited may have been closed by the server since: that is no outage.
                if not used:
                    raise
                self.close()
                return self._exchange(connected(self._pool), packed, number)
        except (RedisError, OSError, ValueError) as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    def _exchange(self, connection: Any, packed: bytes, count: int) -> list[Any]:
        replies = []
        try:
            connection.send_packed_command([packed])
            for _ in range(count):
                try:
                    replies.append(connection.read_response())
                except ResponseError as error:
                    replies.append(error)
        except BaseException:  # a limit of the host's may strike here: a half-read connection is of no use
            connection.disconnect()
            raise
        self._idle.append(connection)
        return replies


@lru_cache(maxsize=1024)
def _quoted(name: str) -> str:
    return quote(name, safe=":")


def store_pool(seconds: float) -> tuple[redis.ConnectionPool, BrokersRedis | None]:
    """Return connections to the store, none of them open, and what has to be kept for as long as they are used.

    Without ``STORE_URL`` they are the broker's where that is Redis: with its TLS, options and list of addresses. Each
    may take so many ``seconds`` to connect, and to read. Raises ValueError.
    """
    if not conf.STORE_URL and _broker_is_redis():
        broker = BrokersRedis(seconds)
        return broker.pool, broker
    return pool_of_url(store_url(), seconds), None


def _broker_is_redis() -> bool:
    try:
        return is_redis(connections.connection())
    except Exception:  # of the URL, or of a client library that is not installed
        return False


def store_url() -> str:
    """Return the URL of the store: ``STORE_URL``, else the broker's when that is Redis, else the local default."""
    if conf.STORE_URL:
        return str(conf.STORE_URL)
    broker = conf.celery_app.conf.broker_write_url or conf.celery_app.conf.broker_url or ""
    first = (broker[0] if isinstance(broker, (list, tuple)) else str(broker)).split(";")[0]
    if urlsplit(first).scheme in SCHEMES:
        return first
    return "redis://localhost:6379/0"


def _split(fields: Mapping[str, str]) -> tuple[list[Pair], list[Pair]]:
    short: list[Pair] = []
    long: list[Pair] = []
    for name, text in fields.items():
        field, value, stays = name.encode(), text.encode("utf-8", "replace"), isinstance(text, IfAbsent)
        if len(value) <= SHORT and value[:1] != ELSEWHERE:
            short.append((field, value, stays))
        else:
            short.append((field, ELSEWHERE, stays))
            long.append((field, value, stays))
    return short, long


def _setting(key: bytes, pairs: Iterable[Pair]) -> Iterator[Command]:
    replaced: list[bytes] = []
    for field, value, stays in pairs:
        if stays:
            yield b"HSETNX", key, field, value
        else:
            replaced += (field, value)
    if replaced:
        yield b"HSET", key, *replaced


def _is_foreign(reply: Any) -> bool:
    """Whether a key of ours holds something that is not ours: no later try will change that."""
    return isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")


def _packed(command: Command) -> bytes:
    parts = b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command])
    return b"*%d\r\n%b" % (len(command), parts)


def _fields(reply: Any) -> dict[str, str | None]:
    if isinstance(reply, ResponseError):
        if _is_foreign(reply):
            return {}
        raise StoreUnavailable(str(reply)) from reply
    pairs: Iterable[bytes] = iter(reply)
    return {_text(name): None if value == ELSEWHERE else _text(value) for name, value in zip(pairs, pairs, strict=True)}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _part(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    quoted = quote(text, safe="", errors="surrogatepass")
    return quoted if len(quoted) <= 200 else f"sha256-{hashlib.sha256(quoted.encode()).hexdigest()}"
