"""Short tables for terminals: plain text, aligned, without a colour."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

#: What stands for a value that nobody knows.
UNKNOWN: Final = "-"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the lines of a table; columns of numbers stand to the right."""
    cells = [list(row) for row in rows]
    right = [any(isinstance(row[at], int) for row in cells) for at in range(len(heads))]
    lines = [list(heads), *([_cell(value) for value in row] for row in cells)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    for line in lines:
        padded = (
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        )
        yield "  ".join(padded).rstrip()


def printable(text: str) -> str:
    """Return text that cannot move a terminal's cursor, colour it or begin a line of its own."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _cell(value: Any) -> str:
    return UNKNOWN if value is None or value == "" else printable(str(value))
