"""What pages show of rows in words, for a search: read and redacted once for each row, and kept for the next search.

Redaction comes first and the search after it. A text that stands only where it is hidden makes no search longer or
shorter, and is counted nowhere: how long a search takes goes by what is shown.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from django.db.models import Model, QuerySet

from ...conf import conf
from ...payload.kept import Kept, may_lack
from ...payload.payload import Searched
from .rows import Row, for_search, searched
from .table_places import Place, table_place

#: Characters that are kept in all.
MOST_KEPT: Final = 16_000_000
#: Rows that are read at once.
CHUNK: Final = 500
#: Seconds for which a text is kept where store or journal could not say what it hides.
DOUBTFUL_FOR: Final = 60.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of one row, in lower case. ``written`` says when the row was last written, ``until`` up to which
    moment of the monotonic clock this is known."""

    written: str | None
    error_class: str
    payload: str
    until: float = inf


class Texts:
    """The texts that a process keeps, by place and row; the oldest go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: Any = None
        self._kept: dict[tuple[Place, int], Shown] = {}
        self._size = 0

    def get(self, place: Place, row: Row) -> Shown | None:
        shown = self._kept.get((place, row["id"]))
        is_current = shown is not None and shown.written == row["written"] and time.monotonic() < shown.until
        return shown if is_current else None

    def keep(self, place: Place, shown: Iterable[tuple[int, Shown]]) -> None:
        with self._lock:
            for id, text in shown:
                self._drop((place, id))
                self._kept[place, id] = text
                self._size += len(text.payload)
            while self._size > MOST_KEPT:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[Place, int]) -> None:
        before = self._kept.pop(key, None)
        self._size -= len(before.payload) if before else 0

    def forget_other_rules(self) -> None:
        """Keep nothing that was shown under other settings than those of now."""
        rules = (conf.REDACT_KEYS, conf.REDACTOR)
        if rules != self._rules:
            self.forget()
            self._rules = rules

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0


texts = Texts()


class Reader:
    """Reads what is shown of rows, for so many seconds in all; after that only what is kept."""

    def __init__(self, table: QuerySet[Model], seconds: float) -> None:
        self.table, self.left = table, seconds
        self.place = table_place(table.db)
        self.missed = 0
        self.searched = Searched()
        texts.forget_other_rules()

    def read(self, rows: Sequence[Row]) -> Iterator[tuple[Row, Shown]]:
        """Yield the rows with what is shown of each, in order; ``missed`` counts those left out."""
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            by_id = {row["id"]: texts.get(self.place, row) for row in chunk}
            by_id |= self._anew([id for id, shown in by_id.items() if shown is None])
            for row in chunk:
                if (shown := by_id[row["id"]]) is not None:
                    yield row, shown
                else:
                    self.missed += 1

    def _anew(self, ids: list[int]) -> dict[int, Shown]:
        if not ids or self.left <= 0:
            return {}
        begun = time.monotonic()
        rows = list(for_search(self.table.filter(pk__in=ids)))
        shown = dict(zip((row["id"] for row in rows), self._shown(rows), strict=True))
        texts.keep(self.place, shown.items())
        self.left -= time.monotonic() - begun
        return shown

    def _shown(self, rows: Sequence[Row]) -> Iterator[Shown]:
        """Yield what is shown of rows: of errors nothing that tracking or the journal hid among the arguments."""
        kept, stored = Kept(), [searched(row) for row in rows]
        tasks = kept.of(stored, errors_alone=True)
        doubtful = -inf if kept.is_whole else time.monotonic() + DOUBTFUL_FOR
        for row, before, task in zip(rows, stored, tasks, strict=True):
            is_settled = (kept.is_whole and row["is_old"]) or not may_lack(before, errors_alone=True)
            text = self.searched.text(task).lower()
            yield Shown(row["written"], task.error_class.lower(), text, inf if is_settled else doubtful)
