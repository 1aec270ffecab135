"""What each task has done since counting began, in two round trips, one of which says what there is to read."""

import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ..conf import conf
from ..formatting import clean
from ..metrics.cells import BOUNDED, TOTALS, Total
from ..metrics.prefetching import prefetched_row, seconds_in
from ..metrics.rows import (
    HOST_KEPT,
    PERIOD,
    SEPARATOR,
    failed_row,
    hosts_row,
    names_row,
    target_of,
    total_row,
)
from ..tracking.facts import number_in
from ..tracking.recorder import recorder
from ..tracking.tallies import WIDE_CELL, Tallies, Wanted
from .families import Durations

#: A typecode of eight bytes, as wide cells have.
_I64: Final = "q"
#: What a worker counts; a publisher only counts what it sends.
_OF_WORKERS: Final = slice(Total.SENT + 1, Total.LOST + 1)


class Subject(NamedTuple):
    """What is counted together. ``host`` is empty when all hosts are."""

    task: str
    queue: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class TaskTotals:
    """The numbers of one subject, by ``Total`` and then by bucket; ``failures`` by class of the exception.

    ``prefetch_seconds`` are of the task that began last, whatever its queue; None where nobody counts them.
    """

    subject: Subject
    numbers: Sequence[int]
    failures: Mapping[str, int] = field(default_factory=dict)
    prefetch_seconds: float | None = None

    @property
    def was_worked_on(self) -> bool:
        """Whether a worker has counted any of it."""
        return any(self.numbers[_OF_WORKERS])

    def durations(self, buckets: int, seconds: Total) -> Durations | None:
        """Return those whose first bucket lies at ``buckets``, their microseconds at ``seconds``; None without any."""
        counts = self.numbers[buckets : buckets + BOUNDED]
        return (counts, self.numbers[seconds] / 1e6) if any(counts) else None


def totals(*, by_host: bool = False) -> list[TaskTotals]:
    """Return the totals of every task in every queue, together or for each host. Raises StoreUnavailable.

    Names are as a page shows them, so what two names have in common is added up.
    """
    subjects = _subjects_of_hosts() if by_host else _subjects()
    hosts = sorted({subject.host for subject in subjects})
    waits = [*map(prefetched_row, hosts)] if conf.METRICS_NAMES == "flower" else []
    tallies = _read(cells=list(map(_row, subjects)), fields=[*map(failed_row, hosts), *waits])
    failures = _failures(hosts, tallies.fields[: len(hosts)])
    prefetched = dict(zip(hosts, seconds_in(tallies.fields[len(hosts) :]), strict=False))
    return summed(
        TaskTotals(
            Subject(*map(clean, subject)),
            _numbers(cells),
            failures.get(subject, {}),
            prefetched.get(subject.host, {}).get(subject.task),
        )
        for subject, cells in zip(subjects, tallies.cells, strict=True)
        if cells  # else it has been silent for longer than numbers are kept
    )


def summed(tasks: Iterable[TaskTotals]) -> list[TaskTotals]:
    """Return what is of the same subject added up, in their order."""
    sums: dict[Subject, TaskTotals] = {}
    for task in tasks:
        sums[task.subject] = _added(sums[task.subject], task) if task.subject in sums else task
    return [sums[subject] for subject in sorted(sums)]


def _subjects() -> list[Subject]:
    now, kept = time.time(), conf.metrics_seconds
    rows = [names_row(now - ago) for ago in range(0, kept + PERIOD, PERIOD)]
    return [Subject(*parts) for parts in _split(_read(fields=rows).fields, 2)]


def _subjects_of_hosts() -> list[Subject]:
    now = time.time()
    return [Subject(*parts) for parts in _split(_read(fields=[hosts_row(now), hosts_row(now - HOST_KEPT)]).fields, 3)]


def _read(*, cells: Sequence[str] = (), fields: Sequence[str] = ()) -> Tallies:
    if not cells and not fields:
        return Tallies()
    return recorder().ask(lambda store: store.tallies(Wanted(cells=cells, fields=fields)))


def _split(rows: Iterable[Mapping[str, str]], number: int) -> list[list[str]]:
    """Return the parts of the names in rows, each once; what is no such name is left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [parts for name in names if len(parts := name.split(SEPARATOR)) == number]


def _row(subject: Subject) -> str:
    return total_row(target_of(subject.task, subject.queue), subject.host)


def _numbers(cells: bytes) -> Sequence[int]:
    numbers = array(_I64, cells[: TOTALS * WIDE_CELL].ljust(TOTALS * WIDE_CELL, b"\0"))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _failures(hosts: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[Subject, dict[str, int]]:
    failures: dict[Subject, dict[str, int]] = {}
    for host, row in zip(hosts, rows, strict=True):
        for name, number in row.items():
            task, _, rest = name.partition(SEPARATOR)
            queue, _, exception = rest.partition(SEPARATOR)
            kinds = failures.setdefault(Subject(task, queue, host), {})
            kinds[clean(exception)] = kinds.get(clean(exception), 0) + (number_in(number) or 0)
    return failures


def _added(one: TaskTotals, other: TaskTotals) -> TaskTotals:
    numbers = [*map(sum, zip(one.numbers, other.numbers, strict=True))]
    seconds = max((s for s in (one.prefetch_seconds, other.prefetch_seconds) if s is not None), default=None)
    return TaskTotals(one.subject, numbers, Counter(one.failures) + Counter(other.failures), seconds)
