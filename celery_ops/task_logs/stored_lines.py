"""How lines lie in the store: JSON, a list of lists. What is read there may be anybody's."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring as _text
from typing import Any, Final

from ..tracking import log_fields
from .texts import LONGEST_LEVEL, LONGEST_LOGGER

#: Its number, milliseconds since the execution began to log, its level, its logger, and what it says.
StoredLine = tuple[int, int, str, str, str]

#: Characters of a value that is read, and its lines: ours are shorter.
LONGEST: Final = 100_000
MOST_LINES: Final = 200
LATEST: Final = 10**15

#: A line that is to be written: its number, when (in seconds since the epoch), and the rest.
Line = tuple[int, float, str, str, str]


def beginning_text(task_name: str, lines: Iterable[Line], begun: int) -> str:
    """Return the beginning of an execution, ``begun`` in milliseconds since the epoch."""
    return f"[{_text(task_name)},{_lines_text(lines, begun)}]"


def end_text(total: int, lines: Iterable[Line], begun: int) -> str:
    """Return its end. ``total`` is how many lines it has logged in all."""
    return f"[{total},{_lines_text(lines, begun)}]"


def _lines_text(lines: Iterable[Line], begun: int) -> str:
    """Put JSON together by hand: its encoder would take longer than all else that a line needs here."""
    heads: dict[tuple[str, str], str] = {}
    texts = []
    for n, at, level, logger, text in lines:
        named = level if type(level) is str else str(level)  # of a record that was put together by hand
        head = heads.get((named, logger))
        if head is None:
            head = f"{_text(named[:LONGEST_LEVEL])},{_text(logger[-LONGEST_LOGGER:])}"
            heads[named, logger] = head
        texts.append(f"[{n},{_since(begun, at)},{head},{_text(text)}]")
    return f"[{','.join(texts)}]"


def _since(begun: int, at: Any) -> int:
    """Return the milliseconds since then; a time that is none would take all lines of the task with it."""
    try:
        return int(at * 1000) - begun
    except (TypeError, ValueError, OverflowError):
        return 0


@dataclass(frozen=True, slots=True)
class Execution:
    """What the store has of one execution. ``attempt`` counts from 0, ``begun`` is in ms since the epoch."""

    name: str
    attempt: int
    begun: int
    task_name: str
    total: int
    lines: Sequence[StoredLine]


def executions_in(fields: Mapping[str, str]) -> Iterator[Execution]:
    """Yield the executions of a log, as they came one after the other; what is not ours is left out."""
    parts: dict[tuple[int, int, str], dict[str, str]] = {}
    for name, value in fields.items():
        if (field := log_fields.field_of(name)) is not None:
            parts.setdefault(field.execution, {})[field.part] = value
    for execution in sorted(parts):
        yield _execution(*execution, parts[execution])


def _execution(attempt: int, begun: int, tag: str, parts: Mapping[str, str]) -> Execution:
    name, first = _read(parts.get(log_fields.BEGINNING, ""), str, "")
    total, last = _read(parts.get(log_fields.END, ""), int, 0)
    lines = {line[0]: line for line in (*first, *last)}
    numbers = sorted(lines)
    total = max(total if total < LATEST else 0, numbers[-1] if numbers else 0)
    return Execution(f"{attempt}.{begun}.{tag}", attempt, begun, name, total, [lines[number] for number in numbers])


def _read(text: str, kind: type, otherwise: Any) -> tuple[Any, list[StoredLine]]:
    try:
        head, lines = json.loads(text) if 0 < len(text) <= LONGEST else (otherwise, [])
        if type(head) is not kind or type(lines) is not list:
            return otherwise, []
        return head, [line for line in map(_line, lines[:MOST_LINES]) if line is not None]
    except (ValueError, TypeError, RecursionError):
        return otherwise, []


def _line(value: Any) -> StoredLine | None:
    if type(value) is not list or list(map(type, value)) != [int, int, str, str, str]:
        return None
    n, at = value[:2]
    return tuple(value) if 0 < n < LATEST and abs(at) < LATEST else None
