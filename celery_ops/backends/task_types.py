"""What tasks came to by their names: counted in the store, else by the newest results of those that are kept."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from ..exceptions import BackendUnavailable, StoreUnavailable
from ..metrics.cells import Cell
from ..metrics.insight import by_task
from ..metrics.reading import Numbers
from ..metrics.switch import is_on
from ..metrics.windows import Window
from .results.numbers import stored_numbers


@dataclass(frozen=True)
class TaskType:
    """What the tasks of one name did in a window: times in seconds, None for what is not known.

    ``last_failure_at`` is exact by results. By what is counted it is when the newest step with a failure began.
    """

    name: str
    numbers: Numbers
    last_failure_at: datetime | None = None

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


@dataclass(frozen=True, slots=True)
class TaskTypes:
    """All that did anything in a window, those that ran most first.

    ``is_counted`` says whether this is counted or by results, and ``trouble`` why it is the latter although the site
    counts. ``since`` is how far back those results reach where that is not the whole window.
    """

    types: Sequence[TaskType]
    start: int
    is_counted: bool
    trouble: str = ""
    since: datetime | None = None


def task_types(window: Window, now: float | None = None) -> TaskTypes:
    """Return what each task did in a window. Raises BackendUnavailable when neither store nor results answer."""
    now = time.time() if now is None else now
    start = window.bounds(now)[0]
    if not is_on():
        return _by_results(window, start, now)
    try:
        numbers = by_task(window, now)
    except StoreUnavailable as error:
        return _by_results(window, start, now, trouble=str(error))
    return TaskTypes(_types(numbers, lambda name: _failed_at(numbers[name])), start, is_counted=True)


def _by_results(window: Window, start: int, now: float, trouble: str = "") -> TaskTypes:
    try:
        stored = stored_numbers(window, now)
    except BackendUnavailable:
        if trouble:
            raise BackendUnavailable(trouble) from None
        raise
    types = _types(stored.by_task, stored.failed_at.get)
    return TaskTypes(types, start, is_counted=False, trouble=trouble, since=stored.since)


def _types(by_task: Mapping[str, Numbers], failed_at: Callable[[str], datetime | None]) -> list[TaskType]:
    types: Iterable[Any] = (TaskType(name, numbers, failed_at(name)) for name, numbers in by_task.items())
    return sorted((kind for kind in types if _did_anything(kind.numbers)), key=lambda kind: (-kind.runs, kind.name))


def _did_anything(numbers: Numbers) -> bool:
    return bool(numbers.run_count) or any(numbers.count(cell) for cell in Cell if cell is not Cell.RUN_TIME)


def _failed_at(numbers: Numbers) -> datetime | None:
    failures = numbers.cells[Cell.FAILURE]
    newest = next((place for place in range(len(failures) - 1, -1, -1) if failures[place]), None)
    return None if newest is None else datetime.fromtimestamp(numbers.start + newest * numbers.step, timezone.utc)
