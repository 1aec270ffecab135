"""Redis's protocol, as far as the store speaks it itself.

Commands are packed here and not by redis-py's pipeline, which costs a tracked ``delay()`` more than all the rest.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from redis.exceptions import ExecAbortError, ResponseError

from ..exceptions import StoreUnavailable
from .breath import breathing

#: Replies that are read in one breath.
REPLIES_AT_ONCE: Final = 40

Command = tuple[bytes, ...]

#: A packed command, behind the key that says which server of several is asked.
Question = tuple[bytes, bytes]
#: What is written to one key, all of it or nothing.
Part = tuple[bytes, Sequence[Command]]


#: What stands before a word of so many bytes, behind what ends the one before it.
_HEADS: Final = [b"\r\n$%d\r\n" % length for length in range(2048)]


def packed(command: Sequence[bytes]) -> bytes:
    """Return a command as it is sent. No word is touched by Python itself: a burst has thousands."""
    try:
        words = chain.from_iterable(zip(map(_HEADS.__getitem__, map(len, command)), command, strict=True))
        return b"".join((b"*%d" % len(command), *words, b"\r\n"))
    except IndexError:  # one of them is longer
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


#: Carries out commands as a transaction does, and answers what is worth telling: what a command of ours came to that
#: asked for a length or met what is not ours, each behind its number.
SCRIPT: Final = b"""
local told, at = {}, 1
for number = 1, tonumber(ARGV[1]) do
  local first = at + 2
  at = at + 1 + tonumber(ARGV[at + 1])
  local reply = redis.pcall(unpack(ARGV, first, at))
  local failure = type(reply) == 'table' and reply.err
  if failure and not string.find(failure, '^-?WRONGTYPE') then return reply end
  if failure or ARGV[first] == 'HLEN' then
    told[#told + 1] = number
    told[#told + 1] = failure or reply
  end
end
return told
"""


def scripted(commands: Sequence[Command]) -> bytes:
    """Return these commands as one script, packed: one reply costs Python less than one for each."""
    words: list[bytes] = [b"EVAL", SCRIPT, b"0", b"%d" % len(commands)]
    for command in commands:
        words.append(b"%d" % len(command))
        words += command
    return packed(words)


def done_by_script(reply: Any, number: int) -> list[Any]:
    """Return what so many commands of a script came to. Raises StoreUnavailable when it was not carried out."""
    if not isinstance(reply, list):
        raise StoreUnavailable(f"the script came to {reply!r:.80}")
    results: list[Any] = [1] * number
    told = iter(reply)
    for place, outcome in zip(told, told, strict=True):
        results[place - 1] = outcome if isinstance(outcome, int) else ResponseError(_text(outcome).lstrip("-"))
    return results


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def replies(connection: Any, count: int) -> list[Any]:
    """Return so many replies, errors among them. Raises what redis-py does when there are fewer."""
    answers: list[Any] = []
    for _ in breathing(range(count), REPLIES_AT_ONCE):
        try:
            answers.append(connection.read_response())
        except ResponseError as error:
            answers.append(error)
    return answers


def is_foreign(reply: Any) -> bool:
    """Return whether a key of ours holds something that is not ours: no later try will change that."""
    return isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")
