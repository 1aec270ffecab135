"""Redis's protocol, as far as the store speaks it itself.

Commands are packed here and not by redis-py's pipeline, which costs a tracked ``delay()`` more than all the rest.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from redis.exceptions import ExecAbortError, ResponseError

from ...exceptions import StoreUnavailable
from ..gil import letting_go

#: Replies that are read before Python's lock is let go of.
REPLIES_AT_ONCE: Final = 40

#: What a server answers where a key, or a field of it, holds what no process of ours has put there.
FOREIGN: Final = ("WRONGTYPE", "INVALIDOBJ", "hash value is not an integer", "increment or decrement would overflow")

Command = tuple[bytes, ...]

#: A packed command, behind the key that says which server of several is asked.
Question = tuple[bytes, bytes]
#: What is written to one key, all of it or nothing.
Part = tuple[bytes, Sequence[Command]]


#: What stands before a word of so many bytes, behind what ends the one before it.
_HEADS: Final = [b"\r\n$%d\r\n" % length for length in range(2048)]


def packed(command: Sequence[bytes]) -> bytes:
    """Return a command as it is sent. No word is touched by Python itself: a burst has thousands."""
    count = len(command)
    words = [b""] * (2 * count)
    words[1::2] = command
    try:
        words[::2] = map(_HEADS.__getitem__, map(len, command))
        return b"*%d%b\r\n" % (count, b"".join(words))
    except IndexError:  # one of them is longer
        parts = b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command])
        return b"*%d\r\n%b" % (count, parts)


MULTI = packed((b"MULTI",))
EXEC = packed((b"EXEC",))


def transaction(commands: Sequence[Command]) -> tuple[bytes, int]:
    """Return these commands as one transaction, packed, and how many replies it has. One alone needs none."""
    if len(commands) == 1:
        return packed(commands[0]), 1
    return b"".join([MULTI, *map(packed, commands), EXEC]), len(commands) + 2


def transaction_replies(replies: list[Any]) -> list[Any]:
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
    for _ in letting_go(range(count), REPLIES_AT_ONCE):
        try:
            answers.append(connection.read_response())
        except ResponseError as error:
            answers.append(error)
    return answers


def first_error(replies: Iterable[Any]) -> ResponseError | None:
    """Return the first of these replies that is an error, if one is."""
    return next((reply for reply in replies if isinstance(reply, ResponseError)), None)


def is_foreign(reply: Any) -> bool:
    """Return whether a key of ours holds something that is not ours: no later try will change that."""
    return isinstance(reply, ResponseError) and str(reply).startswith(FOREIGN)
