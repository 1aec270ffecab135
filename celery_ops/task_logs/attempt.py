"""What one execution of a task has logged: as it was, until it is sent, and then redacted."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from .. import redaction
from ..tracking import log_fields
from ..tracking.refs import ObjectRef
from ..tracking.store import LOG, Batch
from . import forks
from .stored import StoredLine, beginning_text, end_text
from .texts import LONGEST_LEVEL, LONGEST_LOGGER, plain

#: Lines and bytes of the beginning, and as many of the end, that are kept.
LINES: Final = 100
BYTES: Final = 8 * 1024
#: Bytes that a line takes beside what it says.
AROUND: Final = 40


class Line:
    """One line. ``text`` is as it was logged until ``is_shown`` says that it is as it may be shown."""

    __slots__ = ("at", "is_shown", "level", "logger", "n", "size", "text")

    def __init__(self, n: int, at: float, level: str, logger: str, text: str, size: int) -> None:
        self.n, self.at, self.level, self.logger, self.text, self.size = n, at, level, logger, text, size
        self.is_shown = False


def size_of(logger: str, text: str) -> int:
    """Return what a line takes of the room that an attempt has."""
    length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return AROUND + len(logger) + (length if length < redaction.MAX_BYTES else redaction.MAX_BYTES)


#: Logs that have something to send, by their ``id()``.
Waiting = dict[int, "AttemptLog"]


class AttemptLog:
    """Keeps the first and the last lines. Only the task's own thread adds to it, and others read it meanwhile."""

    __slots__ = (
        "_beginning",
        "_end",
        "_end_size",
        "_name",
        "_redactor",
        "_ref",
        "_room",
        "_sent",
        "_waiting",
        "begun",
        "generation",
        "is_busy",
        "is_dirty",
        "task_name",
        "total",
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
        self._beginning: list[Line] = []
        self._end: deque[Line] = deque()
        self._room, self._end_size = BYTES, 0
        self._sent = 0, 0  # lines that the store has of the beginning, and of all
        self.total = 0
        self.is_dirty = self.is_busy = False
        self._waiting: Waiting = {}

    def add(self, at: float, level: str, logger: str, text: str) -> bool:
        """Add a line. Return whether somebody has to be told that there is something to send."""
        self.total += 1
        size = size_of(logger, text)
        line = Line(self.total, at, level, logger, text, size)
        if not self._end and size <= self._room and len(self._beginning) < LINES:
            self._beginning.append(line)
            self._room -= size
        else:
            self._end.append(line)
            self._end_size += size
            while self._end_size > BYTES or len(self._end) > LINES:
                self._end_size -= self._end.popleft().size
        if self.is_dirty:
            return False
        self.is_dirty = True
        return True

    def waits_in(self, waiting: Waiting) -> None:
        """Be kept there until somebody takes what there is."""
        self._waiting = waiting
        waiting[id(self)] = self

    def batch(self) -> Batch:
        """Return what there is to write since this was asked last."""
        self._waiting.pop(id(self), None)
        self.is_dirty = False  # first: what is logged from here on is for the next time
        beginning, end, total = list(self._beginning), list(self._end), self.total
        if total == self._sent[1]:
            return ()
        fields = {}
        if len(beginning) > self._sent[0]:
            fields[f"{self._name}.{log_fields.BEGINNING}"] = beginning_text(self.task_name, self._shown(beginning))
        if end:
            fields[f"{self._name}.{log_fields.END}"] = end_text(end[-1].n, self._shown(end))
        self._sent = len(beginning), total
        return [(self._ref, fields)] if fields else ()

    def redact(self) -> None:
        """Redact what is kept, in the task's own thread: the one that writes would hold up the next task for it."""
        self._redact([*self._beginning, *self._end])

    def _shown(self, lines: Sequence[Line]) -> list[StoredLine]:
        self._redact(lines)
        begun = self.begun
        return [
            (
                line.n,
                round(line.at * 1000) - begun,
                line.level[:LONGEST_LEVEL],
                line.logger[-LONGEST_LOGGER:],
                line.text,
            )
            for line in lines
        ]

    def _redact(self, lines: Sequence[Line]) -> None:
        raw = [line for line in lines if not line.is_shown]
        for line, text in zip(raw, self._redactor.lines([plain(line.text) for line in raw]), strict=True):
            line.text, line.is_shown = text, True
