"""Short tables for terminals: plain text, aligned, without a colour."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

#: What stands for a value that nobody knows.
UNKNOWN: Final = "-"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the lines of a table; columns of numbers stand to the right."""
    cells = [list(row) for row in rows]
    right = [any(isinstance(row[at], int) for row in cells) for at in range(len(heads))]
    lines = [list(heads), *([_cell(value) for value in row] for row in cells)]
    widths = [max(width_of(line[at]) for line in lines) for at in range(len(heads))]
    for line in lines:
        padded = (
            space + cell if is_right else cell + space
            for cell, is_right, space in zip(line, right, _spaces(line, widths), strict=True)
        )
        yield "  ".join(padded).rstrip()


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for wide characters, none for those that combine."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _spaces(line: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    return (" " * (width - width_of(cell)) for cell, width in zip(line, widths, strict=True))


def printable(text: str) -> str:
    """Return text that cannot move a terminal's cursor, colour it or begin a line of its own."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _cell(value: Any) -> str:
    return UNKNOWN if value is None or value == "" else printable(str(value))
