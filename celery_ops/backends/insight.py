"""What tasks did over time: counted in the store, else by the newest results of those that are kept."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from ..exceptions import StoreUnavailable
from ..metrics.cells import Cell
from ..metrics.distribution import Distribution
from ..metrics.insight import picture
from ..metrics.reading import Numbers, added
from ..metrics.releases import Release
from ..metrics.switch import is_on
from ..metrics.windows import Window
from .results.numbers import stored_numbers


@dataclass(frozen=True)
class Insight:
    """What a task, a queue, a task in a queue or the whole site did in a window.

    ``by_task`` and ``by_queue`` have what it was made of, without how long that took; ``tasks`` and ``queues`` have all
    names that have numbers; ``left_out`` is how many tasks in queues are in neither. ``is_counted`` says whether this
    is counted or by results, and ``trouble`` why it is the latter although the site counts. ``since`` is how far back
    those results reach where that is not the whole window. ``skewed`` is how often a publisher's clock was ahead.
    """

    numbers: Numbers
    by_task: Mapping[str, Numbers]
    by_queue: Mapping[str, Numbers]
    tasks: Sequence[str]
    queues: Sequence[str]
    is_counted: bool
    left_out: int = 0
    releases: Sequence[Release] = ()
    skewed: int = 0
    trouble: str = ""
    since: datetime | None = None

    @cached_property
    def wait(self) -> "Percentiles":
        """How long tasks waited in the whole window."""
        return Percentiles.of(self.numbers.wait)

    @cached_property
    def run(self) -> "Percentiles":
        """How long runs took."""
        return Percentiles.of(self.numbers.run)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known of what was asked for."""
        return self.numbers.is_empty


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds that half of them, 95 and 99 of 100 did not exceed; None for what is not known."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, distribution: Distribution) -> "Percentiles":
        return cls(*map(distribution.percentile, (50, 95, 99)))


def insight(window: Window, task: str = "", queue: str = "", now: float | None = None) -> Insight:
    """Return what was done in a window. Raises BackendUnavailable when neither store nor results answer."""
    now = time.time() if now is None else now
    if not is_on():
        return _by_results(window, task, queue, now)
    try:
        counted = picture(window, task, queue, now)
    except StoreUnavailable as error:
        return _by_results(window, task, queue, now, trouble=str(error))
    return Insight(
        counted.numbers,
        counted.by_task,
        counted.by_queue,
        counted.tasks,
        counted.queues,
        is_counted=True,
        left_out=counted.left_out,
        releases=counted.releases,
        skewed=counted.skewed,
    )


def _by_results(window: Window, task: str, queue: str, now: float, trouble: str = "") -> Insight:
    """Results do not say in which queue a task was: a queue has none."""
    stored = stored_numbers(window, now, trouble)
    by_task = {} if queue else {name: numbers for name, numbers in stored.by_task.items() if task in ("", name)}
    numbers = added([*by_task.values()]) if by_task else nothing(window, now)
    tasks = sorted(filter(None, stored.by_task))
    return Insight(numbers, by_task, {}, tasks, (), is_counted=False, trouble=trouble, since=stored.since)


def nothing(window: Window, now: float) -> Numbers:
    """Return the numbers of what did nothing in a window."""
    start, end = window.bounds(now)
    times = range(start // window.times.step * window.times.step, end, window.times.step)
    cells = {cell: [0] * (window.seconds // window.step) for cell in Cell}
    return Numbers(start, end, window.step, cells, times, [Distribution()] * len(times), [Distribution()] * len(times))
