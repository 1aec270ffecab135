"""What tasks came to by their names: counted in the store, else by the newest results of those that are kept."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from ..exceptions import StoreUnavailable
from ..logs import get_logger
from ..metrics.cells import Cell
from ..metrics.reading import Numbers
from ..metrics.switch import is_on
from ..metrics.types import types
from ..metrics.windows import Window
from ..timezones import EPOCH
from ..tracking.costs import UNKNOWN, Cost
from .results.numbers import stored_numbers

logger = get_logger("celery_ops.backends")


#: What says how long things took.
DURATIONS: Final = ("wait_p50", "wait_p95", "run_p50", "run_p95", "run_total")


@dataclass(frozen=True)
class TaskType:
    """What the tasks of one name did in a window: times in seconds, None for what is not known.

    ``last_failure_at`` is exact by results, and to the minute by what is counted.
    """

    name: str
    numbers: Numbers
    last_failure_at: datetime | None = None
    cost: Cost = UNKNOWN

    @cached_property
    def runs(self) -> int:
        """Successes and failures."""
        return self.numbers.run_count

    @cached_property
    def failures(self) -> int:
        return self.numbers.count(Cell.FAILURE)

    @property
    def failure_rate(self) -> float | None:
        """From 0 to 1."""
        return self.numbers.failure_rate

    @cached_property
    def wait_p50(self) -> float | None:
        return self.numbers.wait.percentile(50)

    @cached_property
    def wait_p95(self) -> float | None:
        return self.numbers.wait.percentile(95)

    @cached_property
    def run_p50(self) -> float | None:
        return self.numbers.run.percentile(50)

    @cached_property
    def run_p95(self) -> float | None:
        return self.numbers.run.percentile(95)

    @cached_property
    def run_total(self) -> float | None:
        """None where runs ended and nobody knows how long they took."""
        return self.numbers.run_total if self.numbers.run.total or not self.runs else None

    @property
    def cpu_total(self) -> float | None:
        """Seconds of CPU of all attempts of which that is known."""
        return self.cost.cpu_seconds

    @property
    def peak_memory(self) -> int | None:
        """The greatest growth of a process's memory over an attempt, in bytes, within 5 %."""
        return self.cost.peak_memory


def _known(_names: Iterable[str]) -> None:
    """All of it is known already."""


@dataclass(frozen=True, slots=True)
class TaskTypes:
    """All that did anything in a window, those that ran most first.

    ``is_counted`` says whether this is counted or by results, and ``trouble`` why it is the latter although the site
    counts. ``since`` is how far back those results reach where that is not the whole window. ``complete`` reads how
    long those of some names took.
    """

    types: Sequence[TaskType]
    start: int
    is_counted: bool
    trouble: str = ""
    since: datetime | None = None
    complete: Callable[[Iterable[str]], None] = _known

    def completed(self, kinds: Sequence[TaskType]) -> list[TaskType]:
        """Return some of them once it was read how long they took. A store that is away says nothing of it."""
        try:
            self.complete([kind.name for kind in kinds])
        except StoreUnavailable as error:
            logger.warning("How long tasks took is not shown: %s", error)
        return list(kinds)

    def complete_for(self, sort: str) -> None:
        """Read what this order goes by."""
        if sort.removeprefix("-") in DURATIONS:
            self.completed(self.types)


def task_types(window: Window, now: float | None = None) -> TaskTypes:
    """Return what each task did in a window. Raises BackendUnavailable when neither store nor results answer."""
    now = time.time() if now is None else now
    start = window.bounds(now)[0]
    if not is_on():
        return _by_results(window, start, now)
    try:
        counted = types(window, now)
    except StoreUnavailable as error:
        return _by_results(window, start, now, trouble=str(error))
    failed_at = {name: EPOCH + timedelta(seconds=at) for name, at in counted.failed_at.items() if at is not None}
    kinds = _types(counted.numbers, failed_at, counted.costs)
    return TaskTypes(kinds, start, is_counted=True, complete=counted.complete)


def _by_results(window: Window, start: int, now: float, trouble: str = "") -> TaskTypes:
    stored = stored_numbers(window, now, trouble)
    return TaskTypes(
        _types(stored.by_task, stored.failed_at), start, is_counted=False, trouble=trouble, since=stored.since
    )


def _types(
    by_task: Mapping[str, Numbers], failed_at: Mapping[str, datetime], costs: Mapping[str, Cost] | None = None
) -> list[TaskType]:
    costs = costs or {}
    kinds = (
        TaskType(name, numbers, failed_at.get(name), costs.get(name, UNKNOWN)) for name, numbers in by_task.items()
    )
    return sorted((kind for kind in kinds if _did_anything(kind.numbers)), key=lambda kind: (-kind.runs, kind.name))


def _did_anything(numbers: Numbers) -> bool:
    return bool(numbers.run_count) or any(numbers.count(cell) for cell in Cell if cell is not Cell.RUN_TIME)
