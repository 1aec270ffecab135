"""What was counted, for the whole site: in two round trips, one of which says what there is to read.

Everything raises StoreUnavailable.
"""

import sys
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ..tracking.recorder import recorder
from ..tracking.tallies import CELL, Tallies, Wanted
from .cells import CELLS, SERIES, Cell
from .distribution import A_GROUP, BUCKETS, GROUPS, Distribution
from .rows import PERIOD, SEPARATOR, counts_row, groups_row, names_row, times_row
from .windows import Slots, Window

#: A typecode of four bytes, as the cells have.
_U32: Final = "I"

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


@dataclass(frozen=True, slots=True)
class Names:
    """What has numbers: pairs of tasks and queues, and which groups of buckets each target has."""

    pairs: frozenset[Pair] = frozenset()
    groups: Mapping[str, frozenset[tuple[str, int]]] = field(default_factory=dict)

    def of(self, task: str = "", queue: str = "") -> list[Pair]:
        """Return the pairs of a task, in one queue or in all."""
        return sorted(pair for pair in self.pairs if task in ("", pair[0]) and queue in ("", pair[1]))


def merged(distributions: Iterable[Distribution]) -> Distribution:
    """Return one distribution of all their durations."""
    return sum(distributions, Distribution())


class Times(Enum):
    """What is told of how long things took: nothing, that of the whole time, or that of each of its slots."""

    LEFT_OUT = "left out"
    TOGETHER = "together"
    IN_SLOTS = "in slots"


def read(
    window: Window, targets: Iterable[str], names: Names, *, start: float, end: float, times: Times = Times.TOGETHER
) -> dict[str, Numbers]:
    """Return the numbers of targets between two moments, in seconds since the epoch. One round trip."""
    return read_each(window, [(targets, times)], names, start=start, end=end)[0]


def read_each(
    window: Window, wanted: Iterable[tuple[Iterable[str], Times]], names: Names, *, start: float, end: float
) -> list[dict[str, Numbers]]:
    """Return the same of several groups of targets. One round trip for all of them."""
    begin = int(start) // window.step * window.step
    plans = [(_Plan(window, begin, int(end), names, times), list(dict.fromkeys(targets))) for targets, times in wanted]
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
        {cell: [*map(sum, zip(*(one.cells[cell] for one in numbers), strict=True))] for cell in Cell},
        first.times,
        [merged(slot) for slot in zip(*(one.waits for one in numbers), strict=True)],
        [merged(slot) for slot in zip(*(one.runs for one in numbers), strict=True)],
    )


def names(window: Window, now: float | None = None) -> Names:
    """Return what has numbers in a window. One round trip."""
    return names_beside(window, (), now)[0]


def names_beside(
    window: Window, rows: Sequence[str], now: float | None = None
) -> tuple[Names, Sequence[Mapping[str, str]]]:
    """Return what has numbers in a window, and the fields of some other rows. One round trip for all of it."""
    periods = periods_of(window, time.time() if now is None else now)
    wanted = [*map(names_row, periods), *map(groups_row, periods), *rows]
    fields = recorder().ask(lambda store: store.tallies(Wanted(fields=wanted))).fields
    number = len(periods)
    return _names(fields[:number], fields[number : 2 * number]), fields[2 * number :]


def periods_of(window: Window, now: float) -> list[float]:
    """Return a moment of each period that a window has anything of."""
    return [now - ago for ago in range(0, window.seconds + PERIOD, PERIOD)]


def _names(names_rows: Iterable[Mapping[str, str]], groups_rows: Iterable[Mapping[str, str]]) -> Names:
    pairs = {tuple(name.split(SEPARATOR, 1)) for row in names_rows for name in row if SEPARATOR in name}
    groups: dict[str, set[tuple[str, int]]] = {}
    for row in groups_rows:
        for name in row:
            target, kind, group = _group(name)
            if 0 <= group < GROUPS:
                groups.setdefault(target, set()).add((kind, group))
    return Names(frozenset(pairs), {target: frozenset(kept) for target, kept in groups.items()})


def _group(name: str) -> tuple[str, str, int]:
    """Return a target, a kind of duration and a group of buckets, of a name such as ``0123456789abw4``."""
    for kind in ("w", "r"):
        target, found, group = name.rpartition(kind)
        if found and group.isdecimal():
            return target, kind, int(group)
    return "", "", -1


class _Plan:
    """Which rows have the numbers of a stretch of time, and how they are put together."""

    def __init__(self, window: Window, start: int, end: int, names: Names, times: Times) -> None:
        self.window, self.start, self.end, self.names = window, start, end, names
        self.has_times = times is not Times.LEFT_OUT
        first = start // window.times.step * window.times.step
        self.times = range(first, end, window.times.step)
        self.put_together = _slot_by_slot if times is Times.IN_SLOTS else _all_slots
        self.shown = self.times if times is Times.IN_SLOTS else self.times[:1]
        self.count_rows = window.counts.rows(start, end)
        self.time_rows = window.times.rows(start, end)

    def rows(self, targets: Sequence[str]) -> list[str]:
        return [name for target in targets for name in self._rows_of(target)]

    def _rows_of(self, target: str) -> list[str]:
        return [
            *(counts_row(self.window, row, target) for row in self.count_rows),
            *(
                times_row(kind, self.window, row, target, group)
                for kind, group in self._groups(target)
                for row in self.time_rows
            ),
        ]

    def _groups(self, target: str) -> list[tuple[str, int]]:
        return sorted(self.names.groups.get(target, ())) if self.has_times else []

    def numbers(self, targets: Sequence[str], rows: Iterator[bytes]) -> dict[str, Numbers]:
        """Return the numbers of targets, of rows that follow each other as ``rows`` names them."""
        return {target: self._numbers(target, rows) for target in targets}

    def _numbers(self, target: str, rows: Iterator[bytes]) -> Numbers:
        counts = self._joined([next(rows) for _row in self.count_rows], self.window.counts, CELLS)
        kinds: dict[str, dict[int, bytes]] = {"w": {}, "r": {}}
        for kind, group in self._groups(target):
            kinds[kind][group] = self._joined([next(rows) for _row in self.time_rows], self.window.times, A_GROUP)
        numbers = numbers_of(counts)
        return Numbers(
            self.start,
            self.end,
            self.window.step,
            {cell: numbers[cell::CELLS].tolist() for cell in Cell},
            self.shown,
            self.put_together(kinds["w"], len(self.times)),
            self.put_together(kinds["r"], len(self.times)),
        )

    def _joined(self, rows: Sequence[bytes], slots: Slots, cells: int) -> bytes:
        """Return the cells of the slots that are asked for."""
        return between(rows, slots, self.start, self.end, cells)


def between(rows: Sequence[bytes], slots: Slots, start: int, end: int, cells: int = 1) -> bytes:
    """Return the cells of the slots from ``start`` up to ``end``, of the rows that have them; each slot has so many."""
    size = cells * CELL
    whole = b"".join(row[: slots.length * size].ljust(slots.length * size, b"\0") for row in rows)
    first = slots.rows(start, end)[0] * slots.length
    begin, end = start // slots.step - first, (end - 1) // slots.step + 1 - first
    return whole[begin * size : end * size]


def numbers_of(cells: bytes) -> "array[int]":
    numbers = array(_U32, cells)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _slot_by_slot(groups: Mapping[int, bytes], slots: int) -> list[Distribution]:
    """Return a distribution for each slot of time."""
    size = A_GROUP * CELL
    return [
        _distribution({g: row[slot * size : (slot + 1) * size] for g, row in groups.items()}) for slot in range(slots)
    ]


def _all_slots(groups: Mapping[int, bytes], slots: int) -> list[Distribution]:
    """Return one distribution of all slots. They are added as whole numbers: no cell has more than a part of 2**32."""
    size = A_GROUP * CELL
    sums = {
        group: sum(int.from_bytes(row[at : at + size], "big") for at in range(0, slots * size, size))
        for group, row in groups.items()
    }
    return [_distribution({group: total.to_bytes(size + CELL, "big")[CELL:] for group, total in sums.items()})]


def _distribution(groups: Mapping[int, bytes]) -> Distribution:
    counts = [0] * BUCKETS
    for group, cells in groups.items():
        counts[group * A_GROUP : (group + 1) * A_GROUP] = numbers_of(cells)
    return Distribution(tuple(counts)) if any(counts) else Distribution()
