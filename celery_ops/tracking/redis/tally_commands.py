"""How rows of numbers lie in Redis, and the commands that add to them.

``{prefix}:{~n}:{name}`` is a string of cells (``BITFIELD``), a hash, or a HyperLogLog. The hash tag puts all rows of a
site into one slot, so that a flush is one script on one server of a cluster, carried out once or not at all.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from redis.exceptions import ResponseError

from ...exceptions import StoreUnavailable
from ..store import IfAbsent, IfLater
from ..tallies import NARROW_CELL, REMEMBERED, WIDE_FULL, Added, Row, Tallies, Wanted
from .protocol import Command, Part, Question, is_foreign, packed
from .scripts import Script

#: Carries out commands unless KEYS[1] says that it was done, and answers what those reply that ask for something, false
#: where a key or a field of it holds what is not ours (``wire.FOREIGN``): that is left alone. Three commands are its
#: own. GROW makes a string so long, and no longer: one that BITFIELD lengthens takes twice its size. NARROW adds to
#: narrow cells, and to those that begin at a bit what has no room in them. LATER sets texts that begin with a number,
#: where that is no lower than the one there.
ADD: Final = Script(b"""
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return {} end
local replies, at = {}, 2
local own = {}
local function is_foreign(failure)
  for _, words in ipairs({'WRONGTYPE', 'INVALIDOBJ', 'not an integer', 'would overflow'}) do
    if string.find(failure, words, 1, true) then return true end
  end
  return false
end
function own.GROW(first)
  local key, size = ARGV[first + 1], tonumber(ARGV[first + 2])
  local length = redis.pcall('STRLEN', key)
  if type(length) == 'table' or length >= size then return length end
  local value = length > 0 and redis.call('GET', key) or ''
  return redis.pcall('SET', key, value .. string.rep('\\0', size - length))
end
function own.NARROW(first, last)
  local key, behind = ARGV[first + 1], tonumber(ARGV[first + 2])
  local reply = redis.pcall('BITFIELD', key, 'OVERFLOW', 'FAIL', unpack(ARGV, first + 3, last))
  for i = 1, #reply do
    if reply[i] == false then
      local place = first + 1 + i * 4
      local bit = behind + 32 * tonumber(string.sub(ARGV[place], 2))
      redis.call('BITFIELD', key, 'OVERFLOW', 'SAT', 'INCRBY', 'u32', bit, ARGV[place + 1])
    end
  end
  return reply
end
local function number(text)
  local digits = string.match(text or '', '^%d+') or ''
  return #digits < 16 and tonumber(digits) or 0
end
function own.LATER(first, last)
  local key = ARGV[first + 1]
  for i = first + 2, last, 2 do
    local kept = redis.pcall('HGET', key, ARGV[i])
    if type(kept) == 'table' then return kept end
    if number(kept) <= number(ARGV[i + 1]) then redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
  end
  return true
end
while ARGV[at] do
  local first = at + 1
  at = first + tonumber(ARGV[at])
  local reply = own[ARGV[first]] and own[ARGV[first]](first, at - 1) or redis.pcall(unpack(ARGV, first, at - 1))
  local failure = type(reply) == 'table' and reply.err
  if failure and not is_foreign(failure) then return reply end
  if ARGV[first] == 'HLEN' or ARGV[first] == 'HMGET' then replies[#replies + 1] = not failure and reply end
end
return replies
""")
#: What a key carries as it is, but for colons.
_PLAIN: Final = re.compile(r"[\w.~:-]{1,64}", re.ASCII)
#: Rows that one script adds to: a server does nothing else meanwhile. All of a flush are sent together.
ROWS_A_SCRIPT: Final = 500
#: Cells that one command adds to: Lua takes so many words at once.
CELLS_A_COMMAND: Final = 500


@dataclass(frozen=True, slots=True)
class TallyKeys:
    """What the keys of rows begin with, and how a name is written in one."""

    first: str
    quoted: Callable[[str], str]

    def of(self, name: str) -> bytes:
        quoted = name.replace(":", "%3A") if _PLAIN.fullmatch(name) else self.quoted(name)
        return f"{self.first}{quoted}".encode()

    def questions(self, wanted: Wanted) -> list[Question]:
        """Return what asks for these rows: all rows of cells are one question."""
        questions: list[Question] = []
        if wanted.cells:
            keys = [self.of(name) for name in wanted.cells]
            questions.append((keys[0], packed((b"MGET", *keys))))
        for command, names in ((b"HGETALL", wanted.fields), (b"HKEYS", wanted.names), (b"PFCOUNT", wanted.members)):
            questions += [(key, packed((command, key))) for key in map(self.of, names)]
        return questions


def addition(keys: TallyKeys, rows: Sequence[Row], once: str, *, by_digest: bool) -> Question:
    """Return the call of ``ADD`` that adds all of these, once."""
    key = keys.of(f"once:{once}")
    words: list[bytes] = [b"1", key, b"%d" % REMEMBERED]
    for command in chain.from_iterable(_commands(keys.of(row.name), row, in_script=True) for row in rows):
        words.append(b"%d" % len(command))
        words += command
    return key, ADD.call(*words, by_digest=by_digest)


def added(rows: Sequence[Row], reply: Any) -> list[Added]:
    """Return what there is to say of each row, by what the script answers: nothing where it did nothing."""
    replies = iter(reply)
    return [_added(row, replies) for row in rows]


def _added(row: Row, replies: Iterator[Any]) -> Added:
    before = None
    if row.asked:
        texts = next(replies, None)
        pairs = zip(row.asked, texts or (), strict=False)
        before = {name: text.decode("utf-8", "replace") for name, text in pairs if text is not None} if texts else None
    return Added((next(replies, 0) or 0) if row.counts else 0, before)


def additions(keys: TallyKeys, rows: Sequence[Row]) -> list[Part]:
    """Return the commands that add all of these without a script, a transaction for each row.

    There a narrow cell that is full stays full, and a text replaces a later one.
    """
    return [(key, list(_commands(key, row))) for key, row in ((keys.of(row.name), row) for row in rows)]


def _commands(key: bytes, row: Row, *, in_script: bool = False) -> Iterator[Command]:
    if row.asked:
        yield b"HMGET", key, *map(_bytes, row.asked)
    if row.cells and row.narrow and in_script:
        yield b"GROW", key, b"%d" % (row.length * NARROW_CELL)
    if row.cells:
        yield from _adding(key, row, in_script=in_script)
    replaced: list[bytes] = []
    later: list[bytes] = []
    for name, text in row.texts.items():
        if isinstance(text, IfAbsent):
            yield b"HSETNX", key, _bytes(name), _bytes(text)
        else:
            set_so = later if in_script and isinstance(text, IfLater) else replaced
            set_so += (_bytes(name), _bytes(text))
    if later:
        yield b"LATER", key, *later
    if replaced:
        yield b"HSET", key, *replaced
    for name, count in row.counts.items():
        yield b"HINCRBY", key, _bytes(name), b"%d" % min(count, WIDE_FULL)
    if row.members:
        yield b"PFADD", key, *map(_bytes, row.members)
    yield b"EXPIRE", key, b"%d" % row.seconds
    if row.counts:
        yield b"HLEN", key


def _adding(key: bytes, row: Row, *, in_script: bool) -> Iterator[Command]:
    kind, head = b"i64" if row.is_wide else b"u32", [b"BITFIELD", key, b"OVERFLOW", b"SAT"]
    if row.narrow:
        kind = b"u24"
    if row.narrow and in_script:
        head = [b"NARROW", key, b"%d" % (row.narrow * NARROW_CELL * 8)]
    cells = list(row.cells.items())
    if row.length and row.length - 1 not in row.cells:  # first the last cell: a string that grows takes twice its size
        cells.insert(0, (row.length - 1, 0))
    cells.sort(key=lambda cell: cell[0] != row.length - 1)
    for begin in range(0, len(cells), CELLS_A_COMMAND):
        words = [*head]
        for place, count in cells[begin : begin + CELLS_A_COMMAND]:
            words += (b"INCRBY", kind, b"#%d" % place, b"%d" % min(count, WIDE_FULL))
        yield tuple(words)


def _bytes(text: str) -> bytes:
    """Return a text as the store keeps it: a message may name a task by what no text can hold."""
    return text.encode("utf-8", "replace")


def rows_read(wanted: Wanted, replies: Sequence[Any]) -> Tallies:
    """Return the rows that were wanted. Raises StoreUnavailable."""
    answers = iter(replies)
    cells = _answer(next(answers), []) if wanted.cells else []
    fields = [_fields(_answer(next(answers), [])) for _name in wanted.fields]
    names = [[*map(_text, _answer(next(answers), []))] for _name in wanted.names]
    members = [_answer(next(answers), 0) for _name in wanted.members]
    return Tallies([row or b"" for row in cells] or [b""] * len(wanted.cells), fields, names, members)


def _answer(reply: Any, foreign: Any) -> Any:
    if not isinstance(reply, ResponseError):
        return reply
    if is_foreign(reply):
        return foreign
    raise StoreUnavailable(str(reply)) from reply


def _fields(reply: Any) -> dict[str, str]:
    words = [*map(_text, reply)]
    return dict(zip(words[::2], words[1::2], strict=True))


def _text(word: bytes) -> str:
    return word.decode("utf-8", "replace")
