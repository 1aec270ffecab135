"""What one process has seen since its last flush: for each minute, task and queue."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ..tracking.costs import Cost
from .cells import Total, bounded, bounded_wait
from .distribution import bucket_of, bucket_of_bytes

MINUTE: Final = 60


def minute() -> int:
    """Return the minute that it is, since the epoch."""
    return int(time.time()) // MINUTE


class Subject(NamedTuple):
    """What is counted together; ``minute`` is since the epoch, ``whose`` the prefix that it belongs under."""

    minute: int
    whose: str
    task: str
    queue: str


#: Where something happened: the minute, whose it is (empty: of the site's one prefix), the task, its exchange and its
#: routing key, as its message says them.
Place = tuple[int, str, str, Any, Any]
#: One thing that a task did there: what, for how many seconds it had waited or run, if that is known, the exception
#: of a failure, and whether the clocks of two machines disagreed. A plain tuple: hosts pay for each.
Event = tuple[Place, Total, float | None, str, bool]


def _numbers() -> "defaultdict[int, int]":
    return defaultdict(int)


@dataclass(slots=True)
class Tally:
    """How many of everything; durations by bucket, and for Prometheus by its own bounds."""

    counts: "defaultdict[int, int]" = field(default_factory=_numbers)  # by Total
    waits: "defaultdict[int, int]" = field(default_factory=_numbers)
    runs: "defaultdict[int, int]" = field(default_factory=_numbers)
    bounded_waits: "defaultdict[int, int]" = field(default_factory=_numbers)
    bounded_runs: "defaultdict[int, int]" = field(default_factory=_numbers)
    exceptions: "defaultdict[str, int]" = field(default_factory=lambda: defaultdict(int))
    wait_seconds: float = 0.0
    run_seconds: float = 0.0
    success_seconds: float = 0.0
    skewed: int = 0
    cpu_seconds: float | None = None  # None while nobody has said any
    peaks: "defaultdict[int, int]" = field(default_factory=_numbers)  # by bucket: growths of memory

    def spend(self, cost: Cost) -> None:
        """Add what an attempt cost."""
        if cost.cpu_seconds is not None:
            self.cpu_seconds = (self.cpu_seconds or 0.0) + cost.cpu_seconds
        if cost.peak_memory:
            self.peaks[bucket_of_bytes(cost.peak_memory)] += 1

    def add(self, kind: Total, seconds: float | None, exception: str, is_skewed: bool) -> None:
        self.counts[kind] += 1
        if is_skewed:
            self.skewed += 1
        if exception:
            self.exceptions[exception] += 1
        if seconds is None:
            return
        if kind is Total.STARTED:
            self.waits[bucket_of(seconds)] += 1
            self.bounded_waits[bounded_wait(seconds)] += 1
            self.wait_seconds += seconds
        else:
            self.runs[bucket_of(seconds)] += 1
            self.run_seconds += seconds
            if kind is Total.SUCCESS:
                self.bounded_runs[bounded(seconds)] += 1
                self.success_seconds += seconds
