"""Signs of life in Redis: one hash of all workers, and a connection that each holds open for as long as it lives.

The server sees that connection end with its process at once. One that was stopped, or is busy, keeps it. So a worker
that is killed can be told from one that does not answer.
"""

import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic_ns
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from ..signs import Sign, decoded, encoded
from ..stamp import now_ms
from ..store import SIGNS_KEPT

#: How long one is kept of a worker that ended well, in ms.
ENDED_KEPT: Final = 600_000


class WorkerConnection:
    """One process's connection. Every method raises what redis-py does, and then the connection is of no more use."""

    def __init__(self, connection: Any, key: bytes, token: str, client: int, now: int) -> None:
        self._connection = connection
        self._key = key
        self._token, self._client = token, client
        self._offset = now - _monotonic_ms()

    def say(self, sign: Sign) -> None:
        """Write a sign of life, dated by the server's clock."""
        signed = replace(sign, seen=self._offset + _monotonic_ms(), client=self._client, token=self._token)
        field, value = sign.key.encode(), encoded(signed).encode()
        kept, _expires, time = _replies(
            self._connection,
            (b"HSET", self._key, field, value),
            (b"EXPIRE", self._key, b"%d" % SIGNS_KEPT),
            (b"TIME",),
        )
        if isinstance(kept, ResponseError):
            raise kept
        self._offset = _ms(time) - _monotonic_ms()


def opened(connection: Any, key: bytes) -> WorkerConnection:
    """Return a new connection as a worker's, and forget the workers that nobody asks about any more."""
    token = f"celery_ops:{uuid.uuid4().hex}"
    named, client, time, kept = _replies(
        connection, (b"CLIENT", b"SETNAME", token.encode()), (b"CLIENT", b"ID"), (b"TIME",), (b"HVALS", key)
    )
    is_named = not isinstance(named, ResponseError) and isinstance(client, int)
    signs, now = read(kept, time)
    if outdated := [sign.key.encode() for sign in signs if _is_outdated(sign, now)]:
        _replies(connection, (b"HDEL", key, *outdated))
    return WorkerConnection(connection, key, token if is_named else "", client if is_named else 0, now)


def read(kept: Any, time: Any) -> tuple[Sequence[Sign], int]:
    """Return the signs that Redis keeps, and its time."""
    texts = kept if isinstance(kept, list) else []  # a key of ours that holds something else is an error
    return decoded(text.decode("utf-8", "replace") for text in texts), _ms(time)


def connected(replies: Sequence[Any], signs: Sequence[Sign]) -> Collection[str] | None:
    """Return the keys of the signs whose connection is among the clients that servers list.

    None where one of the servers does not tell.
    """
    if not all(isinstance(reply, bytes) for reply in replies):  # Redis before 6.2, or one that allows few commands
        return None
    words = b" ".join(replies).decode("utf-8", "replace").split()
    tokens = {word.removeprefix("name=") for word in words}
    return [sign.key for sign in signs if sign.token in tokens]


def _is_outdated(sign: Sign, now: int) -> bool:
    return sign.seen < now - (ENDED_KEPT if sign.is_leaving else 1000 * SIGNS_KEPT)


def _replies(connection: Any, *commands: Sequence[bytes]) -> list[Any]:
    """Return the replies, errors among them."""
    replies: list[Any] = []
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            try:
                replies.append(connection.read_response())
            except ResponseError as error:
                replies.append(error)
    except BaseException:
        with suppress(RedisError, OSError):  # what happened before is raised
            connection.disconnect()
        raise
    return replies


def _ms(time: Any) -> int:
    """Return what ``TIME`` says, and where that is not allowed our own time."""
    return 1000 * int(time[0]) + int(time[1]) // 1000 if isinstance(time, (list, tuple)) else now_ms()


def _monotonic_ms() -> int:
    return monotonic_ns() // 1_000_000
