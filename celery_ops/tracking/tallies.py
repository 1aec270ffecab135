"""What is counted together by all processes of a site: rows of numbers to which each adds what it has seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: Bytes of a cell, and what it holds at most: a cell that is full stays full.
CELL: Final = 4
FULL: Final = 2**32 - 1
#: The same of a wide one, whose numbers never start again; nor can more be added to anything at once.
WIDE_CELL: Final = 8
WIDE_FULL: Final = 2**63 - 1
#: The same of a narrow one: what does not fit into it is added to a cell of ``CELL`` bytes behind all narrow ones.
NARROW_CELL: Final = 3
NARROW_FULL: Final = 2**24 - 1

#: Seconds for which it is remembered that an addition was made: a store that took it and hung is not asked twice.
REMEMBERED: Final = 3600


@dataclass(frozen=True, slots=True)
class Row:
    """What is added to one row. It lives for ``seconds`` after the last addition.

    A row has cells, or counts and texts, or members; the same name means the same kind each time.
    """

    name: str
    seconds: int
    #: What is added to the cells of a dense row, by place; ``is_wide`` is of the whole row.
    cells: Mapping[int, int] = field(default_factory=dict)
    is_wide: bool = False
    #: How many cells a row of narrow ones has at most; 0 for all other rows.
    narrow: int = 0
    #: How many cells the row has, so that it takes no more than it needs; 0 when that is not known.
    length: int = 0
    #: What is added to numbers by name, and what is set beside them; a text may be set only ``IfAbsent`` or if it is
    #: the later one (``IfLater``).
    counts: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Names whose texts are wanted as they were before this addition.
    asked: Collection[str] = ()
    #: Things of which only how many different ones there are is kept (HyperLogLog: within about 1 %).
    members: Collection[str] = ()


class Added(NamedTuple):
    """What a store says of an addition to one row: how many names a row of counts has since, 0 where nobody can tell.

    ``before`` has the texts that were asked for, those that were there; None where nobody can tell.
    """

    names: int = 0
    before: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names of rows to read, by kind; ``names`` are rows of counts of which only the names are read."""

    cells: Sequence[str] = ()
    fields: Sequence[str] = ()
    names: Sequence[str] = ()
    members: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Tallies:
    """The rows that were wanted, in that order. A row that is not there is empty."""

    cells: Sequence[bytes] = ()  # big-endian, cell by cell; a row may be shorter than it could be
    fields: Sequence[Mapping[str, str]] = ()
    names: Sequence[Collection[str]] = ()
    members: Sequence[int] = ()
