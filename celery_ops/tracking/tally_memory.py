"""A row of numbers in this process's memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .store import add_fields
from .tallies import CELL, FULL, NARROW_CELL, NARROW_FULL, WIDE_CELL, WIDE_FULL, Added, Row


@dataclass(slots=True)
class KeptRow:
    """What was added to a row so far, and until when it is kept (``time.monotonic()``)."""

    until: float = 0.0
    is_wide: bool = False
    narrow: int = 0
    length: int = 0
    cells: dict[int, int] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)

    def add(self, row: Row, now: float) -> Added:
        """Add these, and return what there is to say of it."""
        before = {name: self.fields[name] for name in row.asked if name in self.fields} if row.asked else None
        self.until, self.is_wide, self.narrow = now + row.seconds, row.is_wide, row.narrow
        self.length = max(self.length, row.length, *(place + 1 for place in row.cells), 0)
        for place, count in row.cells.items():
            total = self.cells.get(place, 0) + count
            self.cells[place] = min(WIDE_FULL if row.is_wide else FULL, total)
        add_fields(self.fields, row.texts)
        for name, count in row.counts.items():
            self.fields[name] = str(int(self.fields.get(name, 0)) + count)
        self.members.update(row.members)
        return Added(len(self.fields) if row.counts else 0, before)

    def packed(self) -> bytes:
        """Return the cells as Redis has them."""
        if self.narrow:
            return self._narrow()
        size = WIDE_CELL if self.is_wide else CELL
        return _cells([self.cells.get(place, 0) for place in range(self.length)], size)

    def _narrow(self) -> bytes:
        """Return narrow cells, and behind them, where there is any, what does not fit into one."""
        numbers = [self.cells.get(place, 0) for place in range(self.length)]
        kept = _cells([min(number, NARROW_FULL) for number in numbers], NARROW_CELL)
        rest = [max(0, number - NARROW_FULL) for number in numbers]
        return kept.ljust(self.narrow * NARROW_CELL, b"\0") + _cells(rest, CELL) if any(rest) else kept


def _cells(numbers: Iterable[int], size: int) -> bytes:
    return b"".join(number.to_bytes(size, "big") for number in numbers)
