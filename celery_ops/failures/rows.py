"""Where groups lie in the store, and what a process adds there.

Which groups there are is said by two rows, new ones every ``PERIOD``: ``fg`` counts them, so that no more are told
apart than are kept, and ``fd`` says what each is and when it was seen last. A group has rows of counts for each window
(``fc``), one of what a list says of it (``fk``), how many objects it has (``fo``), some of them and some tasks
(``fx``), and a sample traceback (``ft``). Their names are of characters that a store need not quote.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

from ..conf import conf
from ..metrics.cells import OTHER
from ..metrics.rows import LONGEST, SEPARATOR, Names
from ..metrics.windows import DAY, WINDOWS, Window
from ..tracking.store import IfAbsent, IfLater
from ..tracking.tallies import Row
from .fingerprint import Fingerprint
from .tally import MINUTE, NAMES_KEPT, OBJECTS, SAMPLES, GroupTally, Sample

#: Groups that are told apart; the rest is one more, which is ``OTHER``.
GROUPS_KEPT: Final = 1000
#: Seconds after which groups are noted in new rows, so that old ones go.
PERIOD: Final = 10 * DAY
#: Places of tasks and of objects in a group's row. They are of what lies there, so that processes do not write over
#: each other's; of two in one place the newer stays, and there are twice as many as are shown.
SAMPLE_PLACES: Final = 2 * SAMPLES
OBJECT_PLACES: Final = 2 * OBJECTS
#: Characters of a reference to an object: longer ones are left out, for half of one is another's.
LONGEST_TEXT: Final = 255

#: Names in a group's own row.
COUNT, FIRST, LAST, RESOLVED, NEWEST = "n", "first", "last", "resolved", "newest"
#: In the rows beside it.
TRACEBACK = "traceback"
TASK, SAMPLE, OBJECT = "t:", "s:", "o:"


def groups_row(at: float) -> str:
    return f"fg.{int(at) // PERIOD}"


def descriptions_row(at: float) -> str:
    return f"fd.{int(at) // PERIOD}"


def counts_row(window: Window, row: int, key: str) -> str:
    return f"fc{window.name}.{row}.{key}"


def group_row(key: str) -> str:
    return f"fk.{key}"


def samples_row(key: str) -> str:
    return f"fx.{key}"


def objects_row(key: str) -> str:
    return f"fo.{key}"


def traceback_row(key: str) -> str:
    return f"ft.{key}"


def key_of(row: Row) -> str:
    """Return which group a row of its own is about."""
    return row.name.partition(".")[2]


def sample_of(text: str) -> Sample:
    """Return the task that a place of a group's row names. Raises ValueError."""
    at, task, task_id = text.split(SEPARATOR, 2)
    return Sample(number_of(at), task_id, task)


def newest(row: Row) -> Sample:
    """Return the newest task of a group that a process adds, one without an id where none has."""
    if NEWEST in row.texts:
        return sample_of(row.texts[NEWEST])
    return Sample(0, "", next((name.removeprefix(TASK) for name in row.counts if name.startswith(TASK)), ""))


def resolution(key: str, at: int | None) -> Row:
    """Return what says that a group was resolved ``at`` (ms since the epoch), or with None that it is open again."""
    return Row(group_row(key), conf.metrics_seconds, texts={RESOLVED: "" if at is None else str(at)})


def described(fingerprint: Fingerprint, last: int, task: str) -> str:
    """Return what ``fd`` says of a group."""
    parts = (str(last), fingerprint.exception, fingerprint.frame, task[:LONGEST], fingerprint.message)
    return SEPARATOR.join(part.replace(SEPARATOR, " ") for part in parts)


class GroupRows:
    """Makes rows of what a process has seen of one prefix's groups: it knows which names it may use."""

    def __init__(self) -> None:
        self.names = Names()
        self._tasks: dict[str, set[str]] = {}  # by key
        self._sampled: set[str] = set()  # keys whose traceback was sent from here

    def of(self, tallies: Mapping[str, GroupTally], unnamed: Counter[int]) -> list[Row]:
        """Return what to add: ``unnamed`` are the minutes of failures that belong to no group that is kept."""
        self._kept = conf.metrics_seconds
        self._counts: dict[str, Counter[str]] = {}
        self._texts: dict[str, dict[str, str]] = {}
        self._cells: dict[tuple[str, int, int], Counter[int]] = {}
        rows: list[Row] = []
        for key, tally in tallies.items():
            at = tally.last / 1000
            if self.names.admit(groups_row(at), key, GROUPS_KEPT):
                rows += self._group(key, tally, at)
            else:
                unnamed.update(tally.minutes)
        if unnamed:
            self._count(OTHER, unnamed, max(unnamed) * MINUTE)
        return [
            *(Row(name, self._kept, counts=counts) for name, counts in self._counts.items()),
            *(Row(name, self._kept, texts=texts) for name, texts in self._texts.items()),
            *(Row(name, kept, cells=cells, length=length) for (name, length, kept), cells in self._cells.items()),
            *rows,
        ]

    def _group(self, key: str, tally: GroupTally, at: float) -> list[Row]:
        self._count(key, tally.minutes, at)
        task = tally.tasks.most_common(1)[0][0]
        description = IfLater(described(tally.fingerprint, tally.last, task))
        self._texts.setdefault(descriptions_row(at), {})[key] = description
        rows = [
            Row(
                group_row(key),
                self._kept,
                counts={COUNT: tally.count, **self._of_tasks(key, tally)},
                texts={FIRST: IfAbsent(str(tally.first)), LAST: IfLater(tally.last), **_newest(tally)},
                asked=(FIRST, LAST, RESOLVED),
            )
        ]
        if texts := self._samples(tally):
            rows.append(Row(samples_row(key), self._kept, texts=texts))
        if tally.objects:
            rows.append(Row(objects_row(key), self._kept, members=tuple(tally.objects)))
        if tally.traceback and key not in self._sampled:
            if len(self._sampled) > GROUPS_KEPT:
                self._sampled.clear()
            self._sampled.add(key)
            rows.append(Row(traceback_row(key), self._kept, texts={TRACEBACK: IfAbsent(tally.traceback)}))
        return rows

    def _count(self, key: str, minutes: Counter[int], at: float) -> None:
        self._counts.setdefault(groups_row(at), Counter())[key] += minutes.total()
        for window in WINDOWS.values():
            kept = min(self._kept, window.seconds + window.step)
            for minute, number in minutes.items():
                row, slot = window.counts.place(minute * MINUTE)
                place = counts_row(window, row, key), window.counts.length, kept
                self._cells.setdefault(place, Counter())[slot] += number

    def _of_tasks(self, key: str, tally: GroupTally) -> dict[str, int]:
        """Return how often which task: names may come from anybody's messages."""
        if len(self._tasks) > GROUPS_KEPT:
            self._tasks.clear()
        names = self._tasks.setdefault(key, set())
        numbers: Counter[str] = Counter()
        for task, number in tally.tasks.items():
            if len(names) < NAMES_KEPT:
                names.add(task)
            numbers[TASK + (task[:LONGEST] if task in names else OTHER)] += number
        return dict(numbers)

    def _samples(self, tally: GroupTally) -> dict[str, str]:
        """Return the newest tasks and objects."""
        texts: dict[str, str] = {}
        for sample in tally.samples:
            texts[f"{SAMPLE}{_place(sample.task_id, SAMPLE_PLACES)}"] = _text_of(sample)
        for reference in [*tally.objects][-OBJECTS:]:
            if len(reference) <= LONGEST_TEXT:
                texts[f"{OBJECT}{_place(reference, OBJECT_PLACES)}"] = reference
        return texts


def _place(text: str, places: int) -> int:
    return crc32(text.encode("utf-8", "replace")) % places


def _newest(tally: GroupTally) -> dict[str, str]:
    return {NEWEST: IfLater(_text_of(tally.samples[-1]))} if tally.samples else {}


def _text_of(sample: Sample) -> str:
    return SEPARATOR.join((str(sample.at), sample.task[:LONGEST].replace(SEPARATOR, " "), sample.task_id))


def number_of(text: Any) -> int:
    """Return a number of a row, 0 for what is none; of milliseconds, they end in 2286."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 14 else 0
