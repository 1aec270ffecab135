"""What is written to hashes, as one flat list of words.

A burst makes thousands of words, and bytes are nothing to Python's collector of garbage: a tuple for each command would
have it run at every write, in the middle of a host's ``delay()``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from ...exceptions import StoreUnavailable
from . import protocol
from .protocol import Command, Part
from .scripts import Script

#: Hashes of one script: while a server carries it out, a host whose broker is there waits.
AT_ONCE: Final = 16

#: What there is to tell of a hash: how many fields it has, or why it was not written.
Outcome = int | ResponseError | StoreUnavailable

#: Carries them out: ARGV[1] says whether to tell how many fields each has, and the words follow. It answers what is
#: worth telling, behind the hash's number. A command takes no more words than Lua holds.
_LINES: Final = b"""
local call, told, number, at = redis.pcall, {}, 0, 2
while ARGV[at] do
  local key, first = ARGV[at], at + 2
  local seconds, beside, replaced, stays = string.match(ARGV[at + 1], '^(%d+)(%S*) (%d+) (%d+)$')
  local stay = first + replaced
  local after, reply, failure = stay + stays, 1, false
  number = number + 1
  for place = first, stay - 1, 1000 do
    reply = call('HSET', key, unpack(ARGV, place, math.min(place + 999, stay - 1)))
    failure = failure or type(reply) == 'table' and reply.err
  end
  for place = stay, after - 1, 2 do
    reply = call('HSETNX', key, ARGV[place], ARGV[place + 1])
    failure = failure or type(reply) == 'table' and reply.err
  end
  if failure and not string.find(failure, '^-?WRONGTYPE') then return reply end
  if not failure then
    call('EXPIRE', key, seconds)
    if beside ~= '' then call('EXPIRE', key .. beside, seconds) end
    failure = ARGV[1] == '1' and call('HLEN', key)
  end
  if failure then
    told[#told + 1] = number
    told[#told + 1] = failure
  end
  at = after
end
return told
"""
SCRIPT: Final = Script(b"\n".join(map(bytes.strip, _LINES.splitlines())))


class Hashes:
    """Fields to set of each hash, and its time to live. Where ``measured``, how many fields it has then is told."""

    def __init__(self, *, measured: bool = False) -> None:
        self.measured = measured
        #: Of each its key, a word of its own, and its fields before their values. That word says, between spaces, for
        #: how many seconds it lives, with what ends the name of a key that lives as long, how many words follow that
        #: replace what is there, and how many that leave what is there as it is.
        self._words: list[bytes] = []
        self._firsts: list[int] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def put(self, key: bytes, seconds: bytes, replaced: Sequence[bytes] = (), stay: Sequence[bytes] = ()) -> None:
        """Set these fields of a hash, and have it live for so long.

        Behind the digits of ``seconds`` may stand what ends the name of a key beside it, which lives as long from now
        on where it is there.
        """
        self._firsts.append(len(self._words))
        self._words += (key, b"%b %d %d" % (seconds, len(replaced), len(stay)), *replaced, *stay)

    def calls(self, *, by_digest: bool) -> "Calls":
        """Return all of it as calls of ``SCRIPT``: one reply costs Python less than one to each command."""
        return Calls(self._words, self._firsts, measured=self.measured, by_digest=by_digest)

    def told_by(self, replies: Sequence[Any]) -> dict[int, Outcome]:
        """Return what those calls have told of each hash. Raises StoreUnavailable when they have not."""
        outcomes: dict[int, Outcome] = {}
        for call, reply in enumerate(replies):
            if not isinstance(reply, list):
                raise StoreUnavailable(f"the script came to {reply!r:.80}")
            told = iter(reply)
            for number, outcome in zip(told, told, strict=True):
                is_size = isinstance(outcome, int)
                outcomes[call * AT_ONCE + number - 1] = outcome if is_size else ResponseError(_text(outcome))
        return outcomes

    def parts(self) -> list[Part]:
        """Return the commands that set each of them."""
        return [(self._words[first], list(self._commands(first))) for first in self._firsts]

    def _commands(self, at: int) -> Iterator[Command]:
        words, first = self._words, at + 2
        life, replaced, stays = words[at + 1].split(b" ")
        stay = first + int(replaced)
        after = stay + int(stays)
        if stay > first:
            yield b"HSET", words[at], *words[first:stay]
        for place in range(stay, after, 2):
            yield b"HSETNX", words[at], words[place], words[place + 1]
        seconds, colon, beside = life.partition(b":")
        yield b"EXPIRE", words[at], seconds
        if colon:
            yield b"EXPIRE", words[at] + colon + beside, seconds
        if self.measured:
            yield b"HLEN", words[at]

    def told(self, replies: Mapping[int, list[Any]]) -> dict[int, Outcome]:
        """Return what there is to tell of those whose commands had these replies."""
        outcomes = {number: self._outcome(of_one) for number, of_one in replies.items()}
        return {number: outcome for number, outcome in outcomes.items() if outcome is not None}

    def _outcome(self, replies: list[Any]) -> Outcome | None:
        foreign = next(filter(protocol.is_foreign, replies), None)
        return foreign or (replies[-1] if self.measured else None)


class Calls:
    """Hashes as calls of a script, each packed in one piece when it is its turn to be sent."""

    def __init__(self, words: Sequence[bytes], firsts: Sequence[int], *, measured: bool, by_digest: bool) -> None:
        self._words = words
        self._ends = [*firsts[AT_ONCE::AT_ONCE], len(words)]
        self._measured = b"%d" % measured
        self._by_digest = by_digest

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[bytes]:
        begin = 0
        for end in self._ends:
            yield SCRIPT.call(b"0", self._measured, *self._words[begin:end], by_digest=self._by_digest)
            begin = end


def _text(raw: bytes | str) -> str:
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return text.lstrip("-")
