"""How long things took, as the store has it: a row for each slot of time, as long as its longest duration needs.

Cells are narrow, and what had no room in one lies behind all of them (``tracking.tallies``). A row is whatever lies
under its key: what is no whole cell, or one too many, is left out.
"""

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Final

from ..tracking.tallies import CELL, NARROW_CELL
from .cells import KINDS, TIMES
from .distribution import BUCKETS, Distribution

#: A typecode of four bytes, as the cells have.
_U32: Final = "I"
#: Bytes of all narrow cells of a row.
_NARROW: Final = TIMES * NARROW_CELL


@dataclass(frozen=True)
class Durations:
    """The waits and the runs of some slots, each row by itself or ``is_together``: made when they are asked for."""

    rows: Sequence[bytes]
    is_together: bool

    @cached_property
    def _cells(self) -> Sequence[Sequence[int]]:
        return [summed(self.rows)] if self.is_together else [*map(cells_of, self.rows)]

    def of(self, kind: int) -> list[Distribution]:
        """Return the distributions of one of ``cells.KINDS``."""
        return [_distribution(cells[kind :: len(KINDS)]) for cells in self._cells]


def numbers_of(cells: bytes) -> "array[int]":
    """Return the numbers of cells of four bytes."""
    numbers = array(_U32, cells)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def cells_of(row: bytes) -> Sequence[int]:
    """Return the numbers of one row, as many as it has."""
    numbers = numbers_of(_widened(_narrow(row)))
    rest = row[_NARROW : _NARROW + TIMES * CELL]
    if not rest:
        return numbers
    behind = numbers_of(rest[: len(rest) // CELL * CELL])
    return [*map(sum, zip_longest(numbers, behind, fillvalue=0))]


def summed(rows: Sequence[bytes]) -> Sequence[int]:
    """Return the sums of rows, cell by cell: as whole numbers, of which no cell flows over into the next one."""
    if any(len(row) > _NARROW for row in rows):
        return [*map(sum, zip_longest(*map(cells_of, rows), fillvalue=0))]
    rows = [*map(_narrow, filter(None, rows))]
    length = max(map(len, rows), default=0)
    wide = _widened(b"".join(row.ljust(length, b"\0") for row in rows))
    size = length // NARROW_CELL * CELL
    numbers = (int.from_bytes(wide[begin : begin + size], "big") for begin in range(0, len(wide), size or 1))
    return numbers_of(sum(numbers).to_bytes(size, "big"))


def _narrow(row: bytes) -> bytes:
    return row[: min(_NARROW, len(row) // NARROW_CELL * NARROW_CELL)]


def _widened(narrow: bytes) -> bytes:
    """Return cells of three bytes as cells of four."""
    wide = bytearray(len(narrow) // NARROW_CELL * CELL)
    for byte in range(NARROW_CELL):
        wide[byte + 1 :: CELL] = narrow[byte::NARROW_CELL]
    return bytes(wide)


def _distribution(counts: Iterable[int]) -> Distribution:
    numbers = tuple(counts)
    return Distribution(numbers + (0,) * (BUCKETS - len(numbers))) if any(numbers) else Distribution()
