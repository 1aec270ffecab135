"""Where numbers lie in the store, and what a process's tallies add there.

A *target* is a pair of a task and a queue, a queue, or all of a site. For each window it has one row of counts (``c``),
slot by slot, and for each longer slot one of durations (``d``), which is as long as the longest of them needs. Which
tasks and queues there are is said by a row of names, a new one every ``PERIOD``.
"""

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from socket import gethostname
from typing import Final

from ..conf import conf
from ..tracking.tallies import Row
from .cells import (
    CELLS,
    KINDS,
    KINDS_KEPT,
    OTHER,
    PAIRS_KEPT,
    RAN,
    RUN_BUCKETS,
    TIMES,
    TOTALS,
    WAIT_BUCKETS,
    WAITED,
    Cell,
    Total,
)
from .tally import Subject, Tally
from .windows import DAY, MINUTE, WINDOWS, Window

#: Separates a task from its queue, and both from what else a name says.
SEPARATOR: Final = "\x1f"
#: The target that is all of a site.
ALL: Final = "all"
#: Seconds after which names are noted in a new row, so that old ones go.
PERIOD: Final = 10 * DAY
#: Seconds for which numbers of a host live that counts nothing any more.
HOST_KEPT: Final = DAY
#: Pairs of a task and a queue on a host that are told apart in a day.
HOSTS_KEPT: Final = 10_000
#: Cells by which a row of durations grows.
GROWS_BY: Final = 16
#: Characters of a name that are kept.
LONGEST: Final = 200

_SERIES: Final = {
    Total.SENT: Cell.SENT,
    Total.STARTED: Cell.STARTED,
    Total.SUCCESS: Cell.SUCCESS,
    Total.FAILURE: Cell.FAILURE,
    Total.RETRY: Cell.RETRY,
    Total.REVOKED: Cell.REVOKED,
    Total.REJECTED: Cell.REJECTED,
}


@lru_cache(maxsize=4096)
def target_of(task: str, queue: str) -> str:
    """Return what stands for a task in a queue, or for a whole queue, in the names of rows."""
    return blake2b(f"{task}{SEPARATOR}{queue}".encode("utf-8", "replace"), digest_size=6).hexdigest()


def counts_row(window: Window, row: int, target: str) -> str:
    return f"c{window.name}.{row}.{target}"


def times_row(window: Window, slot: int, target: str) -> str:
    return f"d{window.name}.{slot}.{target}"


def cpu_row(window: Window, row: int, target: str) -> str:
    """Return the row that says how many hundredths of a second of CPU attempts took, slot by slot as counts do."""
    return f"e{window.name}.{row}.{target}"


def peaks_row(window: Window, slot: int) -> str:
    """Return the row that says by how much attempts let the memory of their processes grow, of all targets."""
    return f"m{window.name}.{slot}"


def total_row(target: str, host: str = "") -> str:
    return f"t.{target}.{host}" if host else f"t.{target}"


def names_row(at: float) -> str:
    return f"names.{int(at) // PERIOD}"


def failed_at_row(at: float) -> str:
    """Return the row that says of each task in which minute it failed last."""
    return f"failed-at:{int(at) // PERIOD}"


def skewed_row(at: float) -> str:
    return f"skewed.{int(at) // PERIOD}"


def hosts_row(at: float) -> str:
    return f"hosts:{int(at) // DAY}"


def failed_row(host: str = "") -> str:
    return f"failed@{host}" if host else "failed"


#: Rows of names that a process remembers.
ROWS_KEPT: Final = 16


class Names:
    """Which names of one prefix this process may use: so many are kept in a row, and the rest is ``OTHER``."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}  # the row that was used last comes last
        self._lengths: Counter[str] = Counter()
        self._most: dict[str, int] = {}
        self._whole: set[str] = set()  # rows of which every name is known

    def learn(self, row: str, length: int) -> None:
        if row in self._known:
            self._lengths[row] = max(length, self._lengths[row])

    def know(self, row: str, names: Iterable[str]) -> None:
        """Take note of all names that a row has in the store."""
        self._known.setdefault(row, set()).update(names)
        self._whole.add(row)

    def is_to_be_known(self, row: str) -> bool:
        """Whether a row takes no more names, so that those are worth knowing that others have begun."""
        return row in self._known and row not in self._whole and self._lengths[row] >= self._most.get(row, 0) > 0

    def admit(self, row: str, name: str, most: int) -> bool:
        """Return whether a name is one of those that are kept in a row."""
        known = self._known[row] = self._known.pop(row, set())
        self._most[row] = most
        if name in known:
            return True
        if max(self._lengths[row], len(known)) >= most:
            return False
        if len(self._known) > ROWS_KEPT:
            self._forget(next(iter(self._known)))  # that of a period that is over
        known.add(name)
        self._lengths[row] += 1
        return True

    def _forget(self, row: str) -> None:
        for kept in (self._known, self._lengths, self._most):
            kept.pop(row, None)
        self._whole.discard(row)


def rows_of(tallies: Iterable[tuple[Subject, Tally]], names: Names) -> list[Row]:
    """Return what to add to the store of what one prefix's tasks did."""
    return _Rows(names).of(tallies)


class _Rows:
    """Adds up what goes to the same cell: the minutes of a flush share the slots of longer windows."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._host = host()
        self._cells: dict[tuple[str, int, int], Counter[int]] = {}  # by row, its length, and for how long it lives
        self._times: dict[tuple[str, int], Counter[int]] = {}
        self._totals: dict[tuple[str, int], Counter[int]] = {}
        self._counts: dict[tuple[str, int], Counter[str]] = {}
        self._failed: dict[str, dict[str, int]] = {}  # by row: the last minute of each task
        self._kept = conf.metrics_seconds
        self._now = time.time()

    def of(self, tallies: Iterable[tuple[Subject, Tally]]) -> list[Row]:
        for subject, tally in tallies:
            self._add(subject, tally)
        return [
            *(Row(name, kept, cells=cells, length=length) for (name, length, kept), cells in self._cells.items()),
            *(
                Row(name, kept, cells=cells, narrow=TIMES, length=_grown(cells))
                for (name, kept), cells in self._times.items()
            ),
            *(
                Row(name, kept, cells=cells, is_wide=True, length=TOTALS)
                for (name, kept), cells in self._totals.items()
            ),
            *(Row(name, kept, counts=counts) for (name, kept), counts in self._counts.items()),
            *(
                Row(name, self._kept, texts={task: str(minute) for task, minute in minutes.items()})
                for name, minutes in self._failed.items()
            ),
        ]

    def _add(self, subject: Subject, tally: Tally) -> None:
        at = subject.minute * MINUTE
        task, queue = subject.task[:LONGEST], subject.queue[:LONGEST]
        if not self._names.admit(names_row(at), f"{task}{SEPARATOR}{queue}", PAIRS_KEPT):
            task, queue = OTHER, ""
        pair = f"{task}{SEPARATOR}{queue}"
        target = target_of(task, queue)
        self._count(names_row(at), self._kept, pair, sum(tally.counts.values()))
        if tally.skewed:
            self._count(skewed_row(at), self._kept, task, tally.skewed)
        if tally.counts.get(Total.FAILURE):
            minutes = self._failed.setdefault(failed_at_row(at), {})
            minutes[task] = max(subject.minute, minutes.get(task, 0))
        for name in (target, ALL, *([target_of("", queue)] if queue else ())):
            self._series(at, name, tally)
        self._cost(at, target, tally)
        self._total(total_row(target), self._kept, tally)
        self._of_host(at, pair, target, tally)
        for exception, number in tally.exceptions.items():
            self._count(failed_row(), self._kept, f"{pair}{SEPARATOR}{self._kind(pair, exception)}", number)

    def _of_host(self, at: int, pair: str, target: str, tally: Tally) -> None:
        kept = min(self._kept, HOST_KEPT)
        host = self._host
        if not self._names.admit(hosts_row(at), f"{pair}{SEPARATOR}{host}", HOSTS_KEPT):
            host = OTHER
        self._count(hosts_row(at), kept, f"{pair}{SEPARATOR}{host}", 1)
        self._total(total_row(target, host), kept, tally)
        for exception, number in tally.exceptions.items():
            self._count(failed_row(host), kept, f"{pair}{SEPARATOR}{self._kind(pair, exception)}", number)

    def _kind(self, pair: str, exception: str) -> str:
        exception = exception[:LONGEST]
        return exception if self._names.admit(failed_row(), f"{pair}{SEPARATOR}{exception}", KINDS_KEPT) else OTHER

    def _series(self, at: int, target: str, tally: Tally) -> None:
        hundredths = _rounded(tally.run_seconds)
        for window, kept in self._windows(at):
            row, slot = window.counts.place(at)
            name, length = counts_row(window, row, target), window.counts.length * CELLS
            cells = self._cells.setdefault((name, length, kept), Counter())
            for total, cell in _SERIES.items():
                if number := tally.counts[total]:
                    cells[slot * CELLS + cell] += number
            if hundredths:
                cells[slot * CELLS + Cell.RUN_TIME] += hundredths
            if tally.waits or tally.runs:
                name = times_row(window, window.times.place(at)[0], target)
                _add_times(self._times.setdefault((name, kept), Counter()), tally)

    def _cost(self, at: int, target: str, tally: Tally) -> None:
        if tally.cpu_seconds is None and not tally.peaks:
            return
        hundredths = _rounded(tally.cpu_seconds or 0.0)
        for window, kept in self._windows(at):
            if tally.cpu_seconds is not None:
                row, slot = window.counts.place(at)
                name, length = cpu_row(window, row, target), window.counts.length
                self._cells.setdefault((name, length, kept), Counter())[slot] += hundredths
            name = peaks_row(window, window.times.place(at)[0])
            for bucket, number in tally.peaks.items():
                self._count(name, kept, f"{target}.{bucket}", number)

    def _windows(self, at: int) -> Iterator[tuple[Window, int]]:
        """Yield the windows that show something of that time, and for how long each keeps it."""
        for window in WINDOWS.values():
            kept = min(self._kept, window.seconds + max(window.step, window.times.step))
            if at >= self._now - kept:
                yield window, kept

    def _total(self, name: str, kept: int, tally: Tally) -> None:
        cells = self._totals.setdefault((name, kept), Counter())
        cells.update(tally.counts)
        cells[Total.WAIT_TIME] += round(tally.wait_seconds * 1e6)
        cells[Total.RUN_TIME] += round(tally.success_seconds * 1e6)
        for begin, buckets in ((WAIT_BUCKETS, tally.bounded_waits), (RUN_BUCKETS, tally.bounded_runs)):
            for bucket, number in buckets.items():
                cells[begin + bucket] += number

    def _count(self, name: str, kept: int, field: str, number: int) -> None:
        self._counts.setdefault((name, kept), Counter())[field] += number


def _rounded(seconds: float) -> int:
    """Return hundredths of a second, at random up or down, so that many short runs come to what they took."""
    return int(seconds * 100 + random.random())  # noqa: S311 - it keeps no secret


def _add_times(cells: Counter[int], tally: Tally) -> None:
    for kind, buckets in ((WAITED, tally.waits), (RAN, tally.runs)):
        for bucket, number in buckets.items():
            cells[bucket * len(KINDS) + kind] += number


def _grown(cells: Iterable[int]) -> int:
    """Return how many cells a row of durations has that is to have these."""
    return -(-(max(cells) + 1) // GROWS_BY) * GROWS_BY


_host = ""


def host() -> str:
    """Return the host that this process counts for: the part of its worker's name after the ``@``."""
    return _host or gethostname()


def work_for(hostname: str) -> None:
    """Count for the worker of this name from now on."""
    global _host
    _host = hostname.rpartition("@")[2][:LONGEST]
