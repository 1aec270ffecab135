"""What one execution of a task has logged: as it was, until it is sent, and then redacted."""

import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from .. import redaction
from ..tracking import log_fields
from ..tracking.refs import ObjectRef
from ..tracking.store import LOG, Batch
from . import forks
from .stored_lines import Line, beginning_text, end_text
from .texts import plain

#: Lines and bytes of the beginning, and as many of the end, that are kept.
LINES: Final = 100
BYTES: Final = 8 * 1024
#: Bytes that a line takes beside what it says.
AROUND: Final = 40
#: Lines that wait to be sorted into these two, and characters of one that does not wait.
SORTED_AT: Final = 50
LONG: Final = 1000
#: Texts that are kept as they may be shown.
MOST_SHOWN: Final = 4 * LINES

#: A line as it was logged: when, its level, its logger, and what it says.
Logged = tuple[float, str, str, str]


class Kept(NamedTuple):
    """What is kept of ``total`` lines, and those that were logged since. Only these are added to, at their end."""

    beginning: Sequence[Line]
    end: Sequence[Line]
    room: int  # that is left to the beginning
    total: int
    since: list[Logged]

    def with_all(self) -> "Kept":
        """Return what is kept of all lines until now."""
        since = self.since[:]
        if not since:
            return self
        total = self.total + len(since)
        lines: list[Line] = list(zip(range(self.total + 1, total + 1), *zip(*since, strict=True), strict=True))
        number, room = (0, self.room) if self.end else self._fitting(lines)
        if number == len(lines):
            return Kept([*self.beginning, *lines], (), room, total, [])
        return Kept([*self.beginning, *lines[:number]], _last([*self.end, *lines[number:]]), room, total, [])

    def _fitting(self, lines: Sequence[Line]) -> tuple[int, int]:
        """Return how many of these have room in the beginning, and what room that leaves."""
        room, places = self.room, LINES - len(self.beginning)
        for number, (_n, _at, _level, logger, text) in enumerate(lines):
            size = size_of(logger, text)
            if size > room or number >= places:
                return number, room
            room -= size
        return len(lines), room


def _last(lines: Sequence[Line]) -> Sequence[Line]:
    """Return those that have room in the end."""
    room = BYTES
    for number, (_n, _at, _level, logger, text) in enumerate(reversed(lines)):
        room -= size_of(logger, text)
        if room < 0 or number >= LINES:
            return lines[len(lines) - number :]
    return lines


def size_of(logger: str, text: str) -> int:
    """Return what a line takes of the room that an attempt has."""
    length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return AROUND + len(logger) + (length if length < redaction.MAX_BYTES else redaction.MAX_BYTES)


#: Logs that have something to send, by their ``id()``.
Waiting = dict[int, "AttemptLog"]


class AttemptLog:
    """Keeps the first and the last lines. Only the task's own thread adds to it, and others read it meanwhile."""

    __slots__ = (
        "_kept",
        "_name",
        "_redactor",
        "_ref",
        "_sent",
        "_shown",
        "_waiting",
        "begun",
        "generation",
        "is_busy",
        "is_dirty",
        "task_name",
        "whose",
    )  # fmt: skip

    def __init__(
        self, task_id: str, task_name: str, attempt: int, secrets: Sequence[str] = (), whose: str = ""
    ) -> None:
        """``attempt`` is how many attempts there were before, ``secrets`` what its arguments hide."""
        self.task_name, self.whose, self.generation = task_name, whose, forks.generation
        self.begun = time.time_ns() // 1_000_000
        self._ref = ObjectRef(LOG, task_id)
        self._name = log_fields.execution_name(attempt, self.begun)
        self._redactor = redaction.LineRedactor(secrets)
        self._kept = Kept((), (), BYTES, 0, [])  # replaced as a whole: who reads it sees no half of a change
        self._shown: dict[int, str] = {}  # texts of kept lines as they may be shown, by number
        self._sent = 0, 0  # lines that the store has of the beginning, and of all
        self.is_dirty = self.is_busy = False
        self._waiting: Waiting = {}

    @property
    def total(self) -> int:
        """How many lines there were until now."""
        return self._kept.total + len(self._kept.since)

    def add(self, at: float, level: str, logger: str, text: str) -> bool:
        """Add a line. Return whether somebody has to be told that there is something to send."""
        since = self._kept.since
        since.append((at, level, logger, text))
        if len(since) >= SORTED_AT or len(text) > LONG:
            self._sort()
        if self.is_dirty:
            return False
        self.is_dirty = True
        return True

    def _sort(self) -> None:
        self._kept = self._kept.with_all()
        if len(self._shown) > MOST_SHOWN:  # most of them are of lines that are not kept any more
            self._shown = {}

    def waits_in(self, waiting: Waiting) -> None:
        """Be kept there until somebody takes what there is."""
        self._waiting = waiting
        waiting[id(self)] = self

    def batch(self) -> Batch:
        """Return what there is to write since this was asked last."""
        self._waiting.pop(id(self), None)
        self.is_dirty = False  # first: what is logged from here on is for the next time
        kept = self._kept.with_all()
        if kept.total == self._sent[1]:
            return ()
        fields = {}
        if len(kept.beginning) > self._sent[0]:
            text = beginning_text(self.task_name, self._redacted(kept.beginning), self.begun)
            fields[f"{self._name}.{log_fields.BEGINNING}"] = text
        if kept.end:
            fields[f"{self._name}.{log_fields.END}"] = end_text(kept.total, self._redacted(kept.end), self.begun)
        self._sent = len(kept.beginning), kept.total
        return [(self._ref, fields)] if fields else ()

    def redact(self) -> None:
        """Redact what is kept, in the task's own thread: the one that writes would hold up the next task for it."""
        self._sort()
        self._redacted([*self._kept.beginning, *self._kept.end])

    def _redacted(self, lines: Sequence[Line]) -> Iterable[Line]:
        """Return lines as they may be shown; what was redacted before is not redacted again."""
        shown = self._shown
        raw = [line for line in lines if line[0] not in shown]
        texts = [text if text.isprintable() else plain(text) for _n, _at, _level, _logger, text in raw]
        shown.update(zip([line[0] for line in raw], self._redactor.lines(texts), strict=True))
        return [(n, at, level, logger, shown[n]) for n, at, level, logger, _text in lines]
