"""What one execution of a task has logged: as it was, until it is sent, and then redacted."""

import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from .. import redaction
from ..tracking import log_fields
from ..tracking.refs import ObjectRef
from ..tracking.store import LOG, Batch
from .stored import StoredLine, beginning_text, end_text
from .texts import plain

#: Lines and bytes of the beginning, and as many of the end, that are kept.
LINES: Final = 100
BYTES: Final = 8 * 1024
#: Bytes that a line takes beside what it says.
AROUND: Final = 40


class Line:
    """One line. ``text`` is as it was logged until ``is_shown`` says that it is as it may be shown."""

    __slots__ = ("at", "is_shown", "level", "logger", "n", "size", "text")

    def __init__(self, n: int, at: float, level: str, logger: str, text: str) -> None:
        self.n, self.at, self.level, self.logger, self.text = n, at, level, logger, text
        length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        self.size = AROUND + len(logger) + min(length, redaction.MAX_BYTES)
        self.is_shown = False


class AttemptLog:
    """Keeps the first and the last lines. Only the task's own thread adds to it, and others read it meanwhile."""

    __slots__ = (
        "_beginning", "_end", "_end_size", "_name", "_ref", "_room", "_secrets", "_sent", "begun", "is_busy",
        "is_dirty", "pid", "task_name", "total", "whose",
    )  # fmt: skip

    def __init__(
        self, task_id: str, task_name: str, attempt: int, secrets: Sequence[str] = (), whose: str = ""
    ) -> None:
        """``attempt`` is how many attempts there were before, ``secrets`` what its arguments hide."""
        self.task_name, self.whose, self.pid = task_name, whose, os.getpid()
        self.begun = time.time_ns() // 1_000_000
        self._ref = ObjectRef(LOG, task_id)
        self._name = log_fields.execution_name(attempt, self.begun)
        self._secrets = tuple(secrets)
        self._beginning: list[Line] = []
        self._end: deque[Line] = deque()
        self._room, self._end_size = BYTES, 0
        self._sent = 0, 0  # lines that the store has of the beginning, and of all
        self.total = 0
        self.is_dirty = self.is_busy = False

    def add(self, at: float, level: str, logger: str, text: str) -> bool:
        """Add a line. Return whether somebody has to be told that there is something to send."""
        self.total += 1
        line = Line(self.total, at, level, logger, text)
        if not self._end and len(self._beginning) < LINES and line.size <= self._room:
            self._beginning.append(line)
            self._room -= line.size
        else:
            self._end.append(line)
            self._end_size += line.size
            while self._end_size > BYTES or len(self._end) > LINES:
                self._end_size -= self._end.popleft().size
        if self.is_dirty:
            return False
        self.is_dirty = True
        return True

    def batch(self) -> Batch:
        """Return what there is to write since this was asked last."""
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

    def _shown(self, lines: Sequence[Line]) -> list[StoredLine]:
        for line in lines:
            if not line.is_shown:
                line.text = redaction.capture_text(plain(line.text), secrets=self._secrets).text
                line.is_shown = True
        return [(line.n, round(line.at * 1000) - self.begun, line.level, line.logger, line.text) for line in lines]
