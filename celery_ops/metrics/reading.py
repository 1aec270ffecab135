"""What was counted, for the whole site: in two round trips, one of which says what there is to read.

Everything raises StoreUnavailable.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, partial
from itertools import islice
from typing import Any

from ..tracking.recorder import recorder
from ..tracking.tallies import CELL, Tallies, Wanted
from .cells import CELLS, RAN, SERIES, WAITED, Cell
from .distribution import Distribution
from .durations import Durations, numbers_of
from .rows import PERIOD, SEPARATOR, counts_row, names_row, times_row
from .windows import Slots, Window

#: A task and its queue.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a target did in a stretch of time: ``start`` and ``end`` in seconds since the epoch, ``step`` in seconds.

    ``cells`` has for each kind of number a point for each step. ``waits`` and ``runs`` have a distribution for each of
    the coarser slots of time, which begin at ``times``.
    """

    start: int
    end: int
    step: int
    cells: Mapping[Cell, Sequence[int]]
    times: Sequence[int] = ()
    waits: Sequence[Distribution] = ()
    runs: Sequence[Distribution] = ()

    @property
    def series(self) -> dict[str, Sequence[int]]:
        """Return the points of each state."""
        return {state: self.cells[cell] for state, cell in SERIES.items()}

    def count(self, cell: Cell) -> int:
        """Return how many there were in all."""
        return sum(self.cells[cell])

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was done."""
        if isinstance(self.cells, LateCells):
            return self.cells.is_empty
        return not any(any(points) for points in self.cells.values())

    @property
    def run_count(self) -> int:
        """Successes and failures."""
        return self.count(Cell.SUCCESS) + self.count(Cell.FAILURE)

    @property
    def failure_rate(self) -> float | None:
        """Which part of the runs failed, from 0 to 1; None without any."""
        return self.count(Cell.FAILURE) / self.run_count if self.run_count else None

    @property
    def run_total(self) -> float:
        """Seconds that all runs took."""
        return self.count(Cell.RUN_TIME) / 100

    @property
    def wait(self) -> Distribution:
        """How long tasks waited, from their publish or the time that they were to run at to their start."""
        return merged(self.waits)

    @property
    def run(self) -> Distribution:
        """How long runs took, those that failed included."""
        return merged(self.runs)


class LateCells(Mapping[Cell, Sequence[int]]):
    """The points of each kind of number, read from the cells of a row when they are asked for."""

    def __init__(self, packed: Callable[[], bytes]) -> None:
        self._packed = packed

    @cached_property
    def _numbers(self) -> Any:
        return numbers_of(self._packed())

    def __getitem__(self, cell: Cell) -> Sequence[int]:
        return self._numbers[cell::CELLS].tolist()

    def __iter__(self) -> Iterator[Cell]:
        return iter(Cell)

    def __len__(self) -> int:
        return CELLS

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was counted."""
        return not any(self._numbers)


class LateDistributions(Sequence[Distribution]):
    """Distributions that are made when the first of them is asked for."""

    def __init__(self, make: Callable[[], list[Distribution]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> list[Distribution]:
        return self._make()

    def __getitem__(self, place: Any) -> Any:
        return self._made[place]

    def __len__(self) -> int:
        return len(self._made)


def merged(distributions: Iterable[Distribution]) -> Distribution:
    """Return one distribution of all their durations."""
    counts = [distribution.counts for distribution in distributions if distribution.counts]
    return Distribution(tuple(map(sum, zip(*counts, strict=True))))


class Times(Enum):
    """What is told of how long things took: nothing, that of the whole time, or that of each of its slots."""

    LEFT_OUT = "left out"
    TOGETHER = "together"
    IN_SLOTS = "in slots"


def read(
    window: Window, targets: Iterable[str], *, start: float, end: float, times: Times = Times.TOGETHER
) -> dict[str, Numbers]:
    """Return the numbers of targets between two moments, in seconds since the epoch. One round trip."""
    return read_each(window, [(targets, times)], start=start, end=end)[0]


def read_each(
    window: Window, wanted: Iterable[tuple[Iterable[str], Times]], *, start: float, end: float
) -> list[dict[str, Numbers]]:
    """Return the numbers of several groups of targets between two moments. One round trip for all of them."""
    begin = int(start) // window.step * window.step
    plans = [(Plan(window, begin, int(end), times), list(dict.fromkeys(targets))) for targets, times in wanted]
    rows = [row for plan, targets in plans for row in plan.rows(targets)]
    tallies = recorder().ask(lambda store: store.tallies(Wanted(cells=rows))) if rows else Tallies()
    cells = iter(tallies.cells)
    return [plan.numbers(targets, cells) for plan, targets in plans]


def added(numbers: Sequence[Numbers]) -> Numbers:
    """Return what several targets did together, in the same stretch of time."""
    first, *others = numbers
    if not others:
        return first
    return Numbers(
        first.start,
        first.end,
        first.step,
        {cell: [*map(sum, zip(*(target.cells[cell] for target in numbers), strict=True))] for cell in Cell},
        first.times,
        LateDistributions(partial(_slots_merged, [target.waits for target in numbers])),
        LateDistributions(partial(_slots_merged, [target.runs for target in numbers])),
    )


def _slots_merged(distributions: Iterable[Sequence[Distribution]]) -> list[Distribution]:
    return [merged(slot) for slot in zip(*distributions, strict=True)]


def names(window: Window, now: float | None = None) -> frozenset[Pair]:
    """Return what has numbers in a window. One round trip."""
    wanted = Wanted(names=[*map(names_row, periods_of(window, time.time() if now is None else now))])
    return named(recorder().ask(lambda store: store.tallies(wanted)).names)


def pairs_beside(
    window: Window, rows: Sequence[str], now: float | None = None
) -> tuple[Mapping[Pair, int], Sequence[Mapping[str, str]]]:
    """Return how much each task did in each queue, in whole periods, and the fields of other rows. One round trip."""
    periods = periods_of(window, time.time() if now is None else now)
    wanted = Wanted(fields=[*map(names_row, periods), *rows])
    fields = recorder().ask(lambda store: store.tallies(wanted)).fields
    pairs: Counter[Pair] = Counter()
    for row in fields[: len(periods)]:
        for name, count in row.items():
            if _is_pair(name):
                pairs[_pair(name)] += number_of(count)
    return pairs, fields[len(periods) :]


def number_of(text: str | None) -> int:
    """Return a count that a row says; 0 for what is none."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def periods_of(window: Window, now: float) -> list[int]:
    """Return a moment of each period that a window has anything of."""
    first, last = int(now - window.seconds - window.times.step) // PERIOD, int(now) // PERIOD
    return [period * PERIOD for period in range(first, last + 1)]


def named(rows: Iterable[Iterable[str]]) -> frozenset[Pair]:
    """Return the pairs that some rows of names have."""
    return frozenset(map(_pair, filter(_is_pair, set().union(*rows))))


def _is_pair(name: str) -> bool:
    return SEPARATOR in name


def _pair(name: str) -> Pair:
    task, _separator, queue = name.partition(SEPARATOR)
    return task, queue


class Plan:
    """Which rows have the numbers of a stretch of time, and how they are put together."""

    def __init__(self, window: Window, start: int, end: int, times: Times) -> None:
        self.window, self.start, self.end = window, start, end
        self.is_together = times is not Times.IN_SLOTS
        self.times = range(start // window.times.step * window.times.step, end, window.times.step)
        self.shown = self.times[:1] if self.is_together else self.times
        self.count_rows = window.counts.rows(start, end)
        self.time_rows = range(0) if times is Times.LEFT_OUT else window.times.rows(start, end)

    def rows(self, targets: Sequence[str]) -> list[str]:
        return [name for target in targets for name in self._rows_of(target)]

    def _rows_of(self, target: str) -> list[str]:
        return [
            *(counts_row(self.window, row, target) for row in self.count_rows),
            *(times_row(self.window, slot, target) for slot in self.time_rows),
        ]

    def numbers(self, targets: Sequence[str], rows: Iterator[bytes]) -> dict[str, Numbers]:
        """Return the numbers of targets, of rows that follow each other as ``rows`` names them."""
        return {target: self._numbers(rows) for target in targets}

    def _numbers(self, rows: Iterator[bytes]) -> Numbers:
        """Return the numbers of a target, of which each is made when it is asked for: most pages show few of them."""
        counts = [*islice(rows, len(self.count_rows))]
        durations = Durations([*islice(rows, len(self.time_rows))], self.is_together)
        return Numbers(
            self.start,
            self.end,
            self.window.step,
            LateCells(partial(between, counts, self.window.counts, self.start, self.end, CELLS)),
            self.shown,
            LateDistributions(partial(durations.of, WAITED)),
            LateDistributions(partial(durations.of, RAN)),
        )


def between(rows: Sequence[bytes], slots: Slots, start: int, end: int, cells: int = 1) -> bytes:
    """Return the cells of the slots from ``start`` up to ``end``, of the rows that have them; each slot has so many."""
    size = cells * CELL
    whole = b"".join(row[: slots.length * size].ljust(slots.length * size, b"\0") for row in rows)
    first = slots.rows(start, end)[0] * slots.length
    begin, end = start // slots.step - first, (end - 1) // slots.step + 1 - first
    return whole[begin * size : end * size]
