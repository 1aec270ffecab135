"""What was counted, for the whole site: in two round trips, one of which says what there is to read.

Everything raises StoreUnavailable.
"""

import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, partial
from itertools import islice
from struct import unpack
from typing import Any, Final

from ..tracking.recorder import recorder
from ..tracking.tallies import CELL, Tallies, Wanted
from .cells import CELLS, SERIES, Cell
from .distribution import A_GROUP, BUCKETS, GROUPS, Distribution
from .rows import PERIOD, SEPARATOR, counts_row, groups_row, names_row, times_row
from .windows import Slots, Window

#: A typecode of four bytes, as the cells have.
_U32: Final = "I"
#: How struct reads a group of buckets.
_CELLS: Final = f">{A_GROUP}I"

#: Whoever asks for few targets asks for all groups of buckets, rather than which ones there are of all targets.
EVERY_GROUP: Final = frozenset((kind, group) for kind in ("w", "r") for group in range(GROUPS))

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
    def _numbers(self) -> "array[int]":
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
    counts = [distribution.counts for distribution in distributions if distribution.counts]
    return Distribution(tuple(map(sum, zip(*counts, strict=True))))


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
    wanted = Wanted(fields=rows, names=[*map(names_row, periods), *map(groups_row, periods)])
    tallies = recorder().ask(lambda store: store.tallies(wanted))
    pairs, groups = tallies.names[: len(periods)], tallies.names[len(periods) :]
    return _names(set().union(*pairs), set().union(*groups)), tallies.fields


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
            task, separator, queue = name.partition(SEPARATOR)
            if separator:
                pairs[task, queue] += number_of(count)
    return pairs, fields[len(periods) :]


def number_of(text: str | None) -> int:
    """Return a count that a row says; 0 for what is none."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def periods_of(window: Window, now: float) -> list[int]:
    """Return a moment of each period that a window has anything of."""
    first, last = int(now - window.seconds - window.times.step) // PERIOD, int(now) // PERIOD
    return [period * PERIOD for period in range(first, last + 1)]


def _names(pairs: Iterable[str], groups: Iterable[str]) -> Names:
    of_targets: dict[str, set[tuple[str, int]]] = {}
    for name in groups:
        target, kind, group = _group(name)
        if 0 <= group < GROUPS:
            of_targets.setdefault(target, set()).add((kind, group))
    named = {tuple(name.split(SEPARATOR, 1)) for name in pairs if SEPARATOR in name}
    return Names(frozenset(named), {target: frozenset(kept) for target, kept in of_targets.items()})


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
        """Return the numbers of a target, of which each is made when it is asked for: most pages show few of them."""
        counts = [*islice(rows, len(self.count_rows))]
        kinds: dict[str, list[tuple[int, list[bytes]]]] = {"w": [], "r": []}
        for kind, group in self._groups(target):
            buckets = [*islice(rows, len(self.time_rows))]
            if any(buckets):
                kinds[kind].append((group, buckets))
        return Numbers(
            self.start,
            self.end,
            self.window.step,
            LateCells(partial(between, counts, self.window.counts, self.start, self.end, CELLS)),
            self.shown,
            LateDistributions(partial(self._distributions, kinds["w"])),
            LateDistributions(partial(self._distributions, kinds["r"])),
        )

    def _distributions(self, groups: Sequence[tuple[int, Sequence[bytes]]]) -> list[Distribution]:
        slots = self.window.times
        joined = {group: between(rows, slots, self.start, self.end, A_GROUP) for group, rows in groups}
        return self.put_together(joined, len(self.times))


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
    """Return one distribution of all slots."""
    return [_distribution({group: _summed(row, slots) for group, row in groups.items()})]


def _summed(row: bytes, slots: int) -> bytes:
    """Return the sums of the slots of a row, cell by cell: as whole numbers, halves upon each other.

    No cell overflows into the next one: all of them together have no more than a part of 2**32.
    """
    size = A_GROUP * CELL
    rest = 1 << max(0, slots - 1).bit_length()
    number, bits = int.from_bytes(row[: slots * size], "big"), size * 8
    while rest > 1:
        rest //= 2
        number = (number >> bits * rest) + (number & (1 << bits * rest) - 1)
    return number.to_bytes(size + CELL, "big")[CELL:]


def _distribution(groups: Mapping[int, bytes]) -> Distribution:
    counts = [0] * BUCKETS
    for group, cells in groups.items():
        counts[group * A_GROUP : (group + 1) * A_GROUP] = unpack(_CELLS, cells)
    return Distribution(tuple(counts)) if any(counts) else Distribution()
