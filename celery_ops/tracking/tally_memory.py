"""A row of numbers in this process's memory."""

from dataclasses import dataclass, field

from .store import add_fields
from .tallies import CELL, FULL, WIDE_CELL, Added, Row


@dataclass(slots=True)
class KeptRow:
    """What was added to a row so far, and until when it is kept (``time.monotonic()``)."""

    until: float = 0.0
    is_wide: bool = False
    length: int = 0
    cells: dict[int, int] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)

    def add(self, row: Row, now: float) -> Added:
        """Add these, and return what there is to say of it."""
        before = {name: self.fields[name] for name in row.asked if name in self.fields} if row.asked else None
        self.until, self.is_wide = now + row.seconds, row.is_wide
        self.length = max(self.length, row.length, *(place + 1 for place in row.cells), 0)
        for place, count in row.cells.items():
            total = self.cells.get(place, 0) + count
            self.cells[place] = total if row.is_wide else min(FULL, total)
        add_fields(self.fields, row.texts)
        for name, count in row.counts.items():
            self.fields[name] = str(int(self.fields.get(name, 0)) + count)
        self.members.update(row.members)
        return Added(len(self.fields) if row.counts else 0, before)

    def packed(self) -> bytes:
        """Return the cells as Redis has them."""
        size = WIDE_CELL if self.is_wide else CELL
        return b"".join(self.cells.get(place, 0).to_bytes(size, "big") for place in range(self.length))
