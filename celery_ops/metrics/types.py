"""What each task did in a window, by its name, and how long that took for those that are shown. Two round trips.

The first one asks which tasks there are, and for the counts of those that this process met before. Usually these are
all, and the second one asks only for the durations of a page. Everything raises StoreUnavailable.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ..tracking import prefix
from ..tracking.costs import Cost
from ..tracking.recorder import recorder
from ..tracking.tallies import Wanted
from .cells import RAN, WAITED, Cell
from .distribution import Distribution
from .durations import Durations
from .reading import LateDistributions, Numbers, Pair, Plan, Times, added, named, number_of, periods_of
from .rows import failed_at_row, names_row, target_of, times_row
from .spending import Spending, total_of
from .windows import MINUTE, Window

#: Prefixes of which a process remembers the tasks.
PREFIXES_KEPT: Final = 16

_met: dict[str, frozenset[Pair]] = {}


@dataclass(frozen=True, slots=True)
class Types:
    """The numbers of each task, and in which minute it failed last, in seconds since the epoch; None for never.

    ``costs`` are the CPU of its attempts in all, and the greatest growth of memory.

    How long things took is read when it is first asked for: that of all tasks, unless ``complete`` was told which.
    """

    numbers: Mapping[str, Numbers]
    failed_at: Mapping[str, int | None]
    costs: Mapping[str, Cost]
    _targets: Mapping[str, Sequence[str]]
    _durations: "LateDurations"

    def complete(self, tasks: Iterable[str]) -> None:
        """Read how long these took. One round trip, or none."""
        self._durations.read(target for task in tasks for target in self._targets[task])


def types(window: Window, now: float | None = None) -> Types:
    """Return what each task did. Two round trips with the durations of those that are shown."""
    now = time.time() if now is None else now
    plan = Plan(window, *window.bounds(now), Times.LEFT_OUT)
    spending = Spending(window, *window.bounds(now))
    met = sorted(_met.get(prefix.current(), ()))
    periods = periods_of(window, now)
    wanted = Wanted(
        cells=_rows(plan, spending, met),
        fields=[*map(failed_at_row, periods), *spending.fields],
        names=[*map(names_row, periods)],
    )
    tallies = recorder().ask(lambda store: store.tallies(wanted))
    pairs = sorted(named(tallies.names))
    targets = {target_of(*pair): pair for pair in pairs}
    durations = LateDurations(window, plan, [*targets])
    cells = tallies.cells
    if not set(pairs) <= set(met):
        _meet(pairs)
        met, cells = pairs, durations.read_beside(_rows(plan, spending, pairs))
    known, rows = [target_of(*pair) for pair in met], iter(cells)
    numbers = plan.numbers(known, rows)
    spent = spending.of(known, rows, tallies.fields[len(periods) :])
    of_tasks: dict[str, list[str]] = {}
    for target, (task, _queue) in targets.items():
        of_tasks.setdefault(task, []).append(target)
    by_task = {
        task: added([durations.beside(target, numbers[target]) for target in group]) for task, group in of_tasks.items()
    }
    minutes = tallies.fields[: len(periods)]
    failed = {task: failed_at(one, [row.get(task) for row in minutes]) for task, one in by_task.items()}
    costs = {task: total_of(spent[target] for target in group) for task, group in of_tasks.items()}
    return Types(by_task, failed, costs, of_tasks, durations)


def _rows(plan: Plan, spending: Spending, pairs: Iterable[Pair]) -> list[str]:
    targets = [target_of(*pair) for pair in pairs]
    return [*plan.rows(targets), *spending.rows(targets)]


def failed_at(numbers: Numbers, minutes: Iterable[str | None]) -> int | None:
    """Return when a task failed last. A late flush may have said an older minute: the newest step is right."""
    failures = numbers.cells[Cell.FAILURE]
    newest = next((step for step in range(len(failures) - 1, -1, -1) if failures[step]), None)
    if newest is None:
        return None
    step = numbers.start + newest * numbers.step
    minute = max(number_of(text) * MINUTE for text in (*minutes, None))
    return minute if step <= minute < step + numbers.step else step


def _meet(pairs: Iterable[Pair]) -> None:
    if len(_met) >= PREFIXES_KEPT:
        _met.clear()
    _met[prefix.current()] = frozenset(pairs)


class LateDurations:
    """How long what targets did in a window took in all."""

    def __init__(self, window: Window, plan: Plan, targets: Sequence[str]) -> None:
        self._window, self._targets = window, targets
        self._slots = window.times.rows(plan.start, plan.end)
        self._read: dict[str, Durations] = {}

    def read(self, targets: Iterable[str]) -> None:
        """Read those of targets that were not read before. One round trip, or none."""
        missing = [target for target in dict.fromkeys(targets) if target not in self._read]
        if missing:
            self._ask((), missing)

    def read_beside(self, rows: Sequence[str]) -> Sequence[bytes]:
        """Read those of all targets, and return some other rows. One round trip."""
        return self._ask(rows, self._targets)

    def _ask(self, rows: Sequence[str], targets: Sequence[str]) -> Sequence[bytes]:
        names = [times_row(self._window, slot, target) for target in targets for slot in self._slots]
        self._read |= {target: Durations((), is_together=True) for target in targets}  # while the store is away
        cells = recorder().ask(lambda store: store.tallies(Wanted(cells=[*rows, *names]))).cells
        length = len(self._slots)
        for number, target in enumerate(targets):
            begin = len(rows) + number * length
            self._read[target] = Durations(cells[begin : begin + length], is_together=True)
        return cells[: len(rows)]

    def of(self, target: str, kind: int) -> list[Distribution]:
        """Return the distribution of one of ``cells.KINDS`` over the whole window."""
        if target not in self._read:
            self.read(self._targets)
        return self._read[target].of(kind)

    def beside(self, target: str, numbers: Numbers) -> Numbers:
        """Return the numbers of a target with these durations."""
        waits, runs = (LateDistributions(partial(self.of, target, kind)) for kind in (WAITED, RAN))
        return replace(numbers, waits=waits, runs=runs)
