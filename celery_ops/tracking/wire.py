"""Redis's protocol, as far as the store speaks it itself.

Commands are packed here and not by redis-py's pipeline, which costs a tracked ``delay()`` more than all the rest.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import ExecAbortError, ResponseError

from ..exceptions import StoreUnavailable

#: Replies that are read before the other threads of the process, which wait for Python's lock, have so many seconds.
REPLIES_AT_ONCE: Final = 40
BREATH: Final = 1e-6

Command = tuple[bytes, ...]

#: A packed command, behind the key that says which server of several is asked.
Question = tuple[bytes, bytes]
#: What is written to one key, all of it or nothing.
Part = tuple[bytes, Sequence[Command]]


def packed(command: Command) -> bytes:
    parts = b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command])
    return b"*%d\r\n%b" % (len(command), parts)


MULTI = packed((b"MULTI",))
EXEC = packed((b"EXEC",))


def transaction(commands: Sequence[Command]) -> tuple[bytes, int]:
    """Return these commands as one transaction, packed, and how many replies it has. One alone needs none."""
    if len(commands) == 1:
        return packed(commands[0]), 1
    return b"".join([MULTI, *map(packed, commands), EXEC]), len(commands) + 2


def done(replies: list[Any]) -> list[Any]:
    """Return what the commands of a transaction came to. Raises StoreUnavailable when it was not carried out."""
    result = replies if len(replies) == 1 else replies.pop()
    results = result if isinstance(result, list) else (result,)
    for error in (*replies, *results):
        if isinstance(error, ResponseError) and not isinstance(error, ExecAbortError) and not is_foreign(error):
            raise StoreUnavailable(str(error)) from error
    if not isinstance(result, list):
        raise StoreUnavailable(f"the transaction came to {result!r:.80}")
    return result


def replies(connection: Any, count: int) -> list[Any]:
    """Return so many replies, errors among them. Raises what redis-py does when there are fewer."""
    answers: list[Any] = []
    for number in range(1, count + 1):
        if not number % REPLIES_AT_ONCE:
            time.sleep(BREATH)
        try:
            answers.append(connection.read_response())
        except ResponseError as error:
            answers.append(error)
    return answers


def is_foreign(reply: Any) -> bool:
    """Return whether a key of ours holds something that is not ours: no later try will change that."""
    return isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")
