"""What one process has seen since its last flush: for each minute, task and queue."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from .. import states
from .cells import Total, bounded
from .distribution import bucket_of


def minute() -> int:
    """Return the minute that it is, since the epoch."""
    return int(time.time() // 60)


class Subject(NamedTuple):
    """What is counted together; ``minute`` is since the epoch, ``whose`` the prefix that it belongs under."""

    minute: int
    whose: str
    task: str
    queue: str


class Event(NamedTuple):
    """One thing that a task did. ``seconds`` is how long it waited or ran, None when that is not known."""

    subject: Subject
    kind: Total
    seconds: float | None = None
    exception: str = ""
    is_skewed: bool = False


@dataclass(slots=True)
class Tally:
    """How many of everything; durations by bucket, and for Prometheus by its own bounds."""

    counts: Counter[Total] = field(default_factory=Counter)
    waits: Counter[int] = field(default_factory=Counter)
    runs: Counter[int] = field(default_factory=Counter)
    bounded_waits: Counter[int] = field(default_factory=Counter)
    bounded_runs: Counter[int] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    wait_seconds: float = 0.0
    run_seconds: float = 0.0
    success_seconds: float = 0.0
    skewed: int = 0

    def add(self, event: Event) -> None:
        kind, seconds = event.kind, event.seconds
        self.counts[kind] += 1
        if event.is_skewed:
            self.skewed += 1
        if event.exception:
            self.exceptions[event.exception] += 1
        if seconds is None:
            return
        if kind is Total.STARTED:
            self.waits[bucket_of(seconds)] += 1
            self.bounded_waits[bounded(seconds)] += 1
            self.wait_seconds += seconds
        else:
            self.runs[bucket_of(seconds)] += 1
            self.run_seconds += seconds
            if kind is Total.SUCCESS:
                self.bounded_runs[bounded(seconds)] += 1
                self.success_seconds += seconds


#: The kinds of end that a series has.
KINDS = {
    states.SUCCESS: Total.SUCCESS,
    states.FAILURE: Total.FAILURE,
    states.RETRY: Total.RETRY,
    states.REVOKED: Total.REVOKED,
    states.REJECTED: Total.REJECTED,
}
