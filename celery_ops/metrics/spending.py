"""What attempts cost in a window, by target: CPU from the cells of rows, the greatest growth of memory by buckets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ..tracking.costs import UNKNOWN, Cost
from .distribution import BUCKETS, bytes_of
from .durations import numbers_of
from .reading import between
from .rows import cpu_row, peaks_row
from .windows import Window


@dataclass(frozen=True, slots=True)
class Spending:
    """Which rows say it of a stretch of time, from ``start`` up to ``end`` in seconds since the epoch."""

    window: Window
    start: int
    end: int

    @property
    def _slots(self) -> range:
        return self.window.counts.rows(self.start, self.end)

    def rows(self, targets: Iterable[str]) -> list[str]:
        """Return the rows of cells."""
        return [cpu_row(self.window, row, target) for target in targets for row in self._slots]

    @property
    def fields(self) -> list[str]:
        """Return the rows that say of all targets by how much memory grew."""
        return [peaks_row(self.window, slot) for slot in self.window.times.rows(self.start, self.end)]

    def of(self, targets: Iterable[str], rows: Iterator[bytes], fields: Sequence[Mapping[str, str]]) -> dict[str, Cost]:
        """Return what each target cost: ``rows`` and ``fields`` are as they were named."""
        peaks = _peaks(fields)
        cpu = {target: self._cpu([*islice(rows, len(self._slots))]) for target in targets}
        return {target: Cost(seconds, peaks.get(target)) for target, seconds in cpu.items()}

    def _cpu(self, rows: Sequence[bytes]) -> float | None:
        if not any(rows):
            return None
        return sum(numbers_of(between(rows, self.window.counts, self.start, self.end))) / 100


def _peaks(rows: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """Return the greatest growth of each target, in bytes."""
    highest: dict[str, int] = {}
    for name in (name for row in rows for name in row):
        target, _dot, text = name.partition(".")
        if text.isdecimal() and len(text) < 4 and int(text) < BUCKETS:
            highest[target] = max(int(text), highest.get(target, 0))
    return {target: bytes_of(bucket) for target, bucket in highest.items()}


def total_of(costs: Iterable[Cost]) -> Cost:
    """Return the CPU of several targets in all, and the greatest of their growths."""
    costs = list(costs)
    cpu = [cost.cpu_seconds for cost in costs if cost.cpu_seconds is not None]
    peaks = [cost.peak_memory for cost in costs if cost.peak_memory is not None]
    if not cpu and not peaks:
        return UNKNOWN
    return Cost(sum(cpu) if cpu else None, max(peaks, default=0))
