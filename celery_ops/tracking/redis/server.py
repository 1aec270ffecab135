"""One server, or one of several that stand in for each other."""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError

from ...connections.redis import FailoverPool, connected
from ...exceptions import StoreUnavailable
from ..gil import let_go
from . import protocol
from .hashes import SCRIPT, Hashes, Outcome
from .protocol import Command, Part, Question, first_error
from .scripts import ToldScripts

MAX_IDLE: Final = 16


class Server:
    """Every call is one round trip. Each raises StoreUnavailable, and nothing is retried."""

    def __init__(self, pool: redis.ConnectionPool, kept: object = None) -> None:
        """Connect to nothing. ``kept`` is what the pool needs for as long as it is used."""
        self._pool, self._kept = pool, kept
        self._idle: deque[Any] = deque(maxlen=MAX_IDLE)
        self._scripts, self._takes_scripts = ToldScripts(), True

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """Return a reply for each, errors among them."""
        return self._send([b"".join([packed for _key, packed in questions])], len(questions))

    def ask_all(self, packed: bytes) -> list[Any]:
        """Return each server's reply: this is the only one."""
        return self._send([packed], 1)

    def execute(self, questions: Sequence[Question]) -> list[Any]:
        """Return the replies to what writes, errors among them. It may be sent again to another server: say it so."""
        replies = self.ask(questions)
        if any(isinstance(reply, ReadOnlyError) for reply in replies) and self._passed_over():
            replies = self.ask(questions)
        return replies

    def carry_out(self, parts: Sequence[Part]) -> list[list[Any]]:
        """Carry out everything in one transaction, and return each part's replies."""
        done = self._carried_out([command for _key, of_part in parts for command in of_part])
        end, outcomes = 0, []
        for _key, of_part in parts:
            begin, end = end, end + len(of_part)
            outcomes.append(done[begin:end])
        return outcomes

    def write(self, hashes: Hashes) -> dict[int, Outcome]:
        """Write them, and return what there is to tell of each by its number.

        They go as scripts where the server's user may have one carried out, and however many these are, that is one
        round trip; two where the server was told none since it was started.
        """
        refused = None
        if self._takes_scripts:
            replies = self._scripts.replies(SCRIPT, partial(self._call, hashes))
            refused = first_error(replies)
            if refused is None:
                return hashes.told_by(replies)
        done = self.carry_out(hashes.parts())
        if refused is not None and not isinstance(refused, ReadOnlyError):
            self._takes_scripts = False  # only now is it known that it was the scripts' fault
        return hashes.told(dict(enumerate(done)))

    def connected(self, key: bytes) -> Any:
        """Return a new connection to where ``key`` is, which is the caller's. Raises what redis-py does."""
        return connected(self._pool)

    def known_pools(self) -> list[redis.ConnectionPool]:
        """Return connections to each server that the settings name."""
        return [self._pool]

    def pools(self) -> list[redis.ConnectionPool]:
        """Return connections to each server that has keys."""
        return [self._pool]

    def unavailable(self, error: Exception) -> StoreUnavailable:
        """Return what to raise for this."""
        return StoreUnavailable(f"{type(error).__name__}: {error}")

    def close(self) -> None:
        with suppress(IndexError):  # another thread may have taken the last one
            while True:
                self._idle.pop().disconnect()

    def _call(self, hashes: Hashes, by_digest: bool) -> list[Any]:
        calls = hashes.calls(by_digest=by_digest)
        return self._send(calls, len(calls))

    def _carried_out(self, commands: Sequence[Command]) -> list[Any]:
        packed, number = protocol.transaction(commands)
        try:
            return protocol.transaction_replies(self._send([packed], number))
        except StoreUnavailable as error:
            if not (isinstance(error.__cause__, ReadOnlyError) and self._passed_over()):
                raise
            return protocol.transaction_replies(self._send([packed], number))

    def _passed_over(self) -> bool:
        """Go to the one that is the master now, where there are several."""
        if not isinstance(self._pool, FailoverPool):
            return False
        self._pool.pass_over()
        self.close()
        return True

    def _send(self, packed: Iterable[bytes], number: int) -> list[Any]:
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
            raise self.unavailable(error) from error

    def _exchange(self, connection: Any, packed: Iterable[bytes], count: int) -> list[Any]:
        try:
            for number, part in enumerate(packed):
                if number:  # others ask this server as well, and this process's broker may be there
                    let_go()
                connection.send_packed_command([part])
            replies = protocol.replies(connection, count)
        except BaseException:  # a limit of the host's may strike here: a half-read connection is of no use
            connection.disconnect()
            raise
        self._idle.append(connection)
        return replies
