"""The groups that all processes of a site have counted. Everything raises StoreUnavailable."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple

from ..metrics.cells import OTHER
from ..metrics.durations import numbers_of
from ..metrics.reading import between
from ..metrics.rows import SEPARATOR
from ..metrics.windows import DAY, WINDOWS, Window
from ..timezones import of_milliseconds
from ..tracking.recorder import recorder
from ..tracking.refs import ObjectRef
from ..tracking.tallies import CELL, Tallies, Wanted
from .group import Detail, Group, Groups
from .rows import (
    COUNT,
    FIRST,
    GROUPS_KEPT,
    LAST,
    NEWEST,
    OBJECT,
    PERIOD,
    SAMPLE,
    TASK,
    TRACEBACK,
    counts_row,
    descriptions_row,
    group_row,
    number_of,
    objects_row,
    sample_of,
    samples_row,
    traceback_row,
)
from .tally import OBJECTS, SAMPLES, Sample

#: Parts of a group's description.
PARTS: Final = 5
#: Seconds by which a worker's clock may be ahead: its failures are of the step that is under way.
AHEAD: Final = DAY


def groups(window: Window, now: float | None = None) -> Groups:
    """Return the groups that failed in a window, the last seen first. Two round trips, three where a clock is ahead.

    What only a group's own row says, as its tasks and objects, is left out: see ``completed``.
    """
    now = time.time() if now is None else now
    span = _Span(window, *window.bounds(now))
    periods = range(span.start // PERIOD, (int(now) + AHEAD) // PERIOD + 1)
    rows = _tallies(Wanted(fields=[descriptions_row(period * PERIOD) for period in periods])).fields
    described = _described(rows, since=span.start * 1000)
    *points, other = span.points([*(described_by.key for described_by in described), OTHER])
    early = [place for place, one in enumerate(described) if span.is_before(one)]
    to_come = span.to_come.points([described[place].key for place in early]) if early else ()
    for place, more in zip(early, to_come, strict=False):
        points[place] = _with_early(points[place], more)
    counts = [*map(sum, points)]
    numbers = zip(described[:GROUPS_KEPT], points, counts, strict=False)
    return Groups(
        [described_by.group(points, count) for described_by, points, count in numbers if count],
        sum(other) + sum(counts[GROUPS_KEPT:]),
        start=span.start,
        step=window.step,
    )


def completed(groups: Sequence[Group]) -> list[Group]:
    """Return groups with their first failure, their tasks, the newest one and how many objects. One round trip."""
    if not groups:
        return []
    keys = [group.key for group in groups]
    tallies = _tallies(Wanted(fields=[*map(group_row, keys)], members=[*map(objects_row, keys)]))
    rows = zip(groups, tallies.fields, tallies.members, strict=True)
    return [_with_row(group, fields, members) for group, fields, members in rows]


def group(key: str, window: Window, now: float | None = None) -> Detail | None:
    """Return all that is known of one group, None for an unknown one. Two round trips."""
    now = time.time() if now is None else now
    first = int(now - WINDOWS["30d"].seconds) // PERIOD
    descriptions = [descriptions_row(period * PERIOD) for period in range(first, (int(now) + AHEAD) // PERIOD + 1)]
    rows = [*descriptions, group_row(key), samples_row(key), traceback_row(key)]
    tallies = _tallies(Wanted(fields=rows, members=[objects_row(key)]))
    *described, own, beside, traceback = tallies.fields
    (text,) = [row[key] for row in described if key in row][-1:] or [""]
    if (described_by := _of_text(key, text)) is None:
        return None
    spans = {name: _Span(one, *one.bounds(now)) for name, one in WINDOWS.items()}
    points = _points_of(described_by, spans)
    counts = {name: sum(numbers) for name, numbers in points.items()}
    group = described_by.group(points[window.name], counts[window.name])
    group = _with_row(group, own, tallies.members[0])
    refs = [text.partition(SEPARATOR) for name, text in beside.items() if name.startswith(OBJECT)]
    group = replace(
        group,
        refs=[ObjectRef(label, pk) for label, separator, pk in sorted(refs) if separator][:OBJECTS],
        samples=sorted({*_samples(beside, SAMPLE), *group.samples}, reverse=True)[:SAMPLES],
        traceback=traceback.get(TRACEBACK, ""),
    )
    return Detail(group, number_of(own.get(COUNT)), counts, spans[window.name].start, window.step)


def _points_of(described_by: "_Description", spans: Mapping[str, "_Span"]) -> dict[str, Sequence[int]]:
    """Return how often a group failed in each step of each window. One round trip."""
    parts = {name: [span, span.to_come] if span.is_before(described_by) else [span] for name, span in spans.items()}
    names = [row for some in parts.values() for span in some for row in span.rows(described_by.key)]
    cells = iter(_tallies(Wanted(cells=names)).cells)
    points = {}
    for name, some in parts.items():
        own, *to_come = [span.joined([*islice(cells, len(span.places))]) for span in some]
        points[name] = _with_early(own, to_come[0]) if to_come else own
    return points


def _with_early(points: Sequence[int], to_come: Sequence[int]) -> Sequence[int]:
    """Return points whose last one, which is under way, has what a clock that is ahead put into steps to come."""
    return [*points[:-1], points[-1] + sum(to_come)]


def _tallies(wanted: Wanted) -> Tallies:
    return recorder().ask(lambda store: store.tallies(wanted))


class _Description(NamedTuple):
    """What a group is; ``last`` is when it was seen last, in milliseconds since the epoch."""

    last: int
    key: str
    exception: str
    frame: str
    task: str
    message: str

    def group(self, points: Sequence[int] = (), count: int = 0) -> Group:
        seen = of_milliseconds(self.last)
        return Group(self.key, self.exception, self.message, self.frame, self.task, count, points, last_seen=seen)


def _described(rows: Iterable[Mapping[str, str]], since: int) -> list[_Description]:
    """Return the groups that were seen since then (ms), the last first: what the newest period says of each."""
    texts = {key: text for row in rows for key, text in row.items()}
    described = [_of_text(key, text) for key, text in texts.items()]
    return sorted((group for group in described if group is not None and group.last >= since), reverse=True)


def _of_text(key: str, text: str) -> _Description | None:
    parts = text.split(SEPARATOR, PARTS - 1)
    if not key or len(parts) != PARTS:  # no address could name a group without a key
        return None
    last, exception, frame, task, message = parts
    return _Description(number_of(last), key, exception, frame, task, message)


def _with_row(group: Group, fields: Mapping[str, str], members: int) -> Group:
    tasks = {name.removeprefix(TASK): number_of(text) for name, text in fields.items() if name.startswith(TASK)}
    return replace(
        group,
        first_seen=of_milliseconds(number_of(fields.get(FIRST)) or None),
        last_seen=_later(group.last_seen, of_milliseconds(number_of(fields.get(LAST)) or None)),
        tasks=dict(sorted(tasks.items(), key=lambda item: -item[1])),
        objects=members,
        samples=[*_samples(fields, NEWEST)],
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def _samples(fields: Mapping[str, str], begin: str) -> Iterator[Sample]:
    for name, text in fields.items():
        if name.startswith(begin) and text.count(SEPARATOR) >= 2:
            yield sample_of(text)


@dataclass(frozen=True)
class _Span:
    """A window up to now: from ``start`` to ``end``, in seconds since the epoch."""

    window: Window
    start: int
    end: int

    @cached_property
    def places(self) -> range:
        return self.window.counts.rows(self.start, self.end)

    @property
    def to_come(self) -> "_Span":
        """The steps after it, in which failures are whose worker has its clock ahead."""
        return _Span(self.window, self.end, self.end + AHEAD)

    def is_before(self, described_by: _Description) -> bool:
        """Whether some of that group's failures are in steps to come."""
        return described_by.last >= self.end * 1000

    def rows(self, key: str) -> list[str]:
        return [counts_row(self.window, row, key) for row in self.places]

    def points(self, keys: Sequence[str]) -> list[Sequence[int]]:
        """Return how often each of these failed in each step. One round trip."""
        rows = _tallies(Wanted(cells=[name for key in keys for name in self.rows(key)])).cells
        slots = self.window.counts
        size, number = slots.length * CELL, slots.length * len(self.places)
        numbers = numbers_of(b"".join([row[:size].ljust(size, b"\0") for row in rows]))  # all at once: they are many
        first = self.places[0] * slots.length
        begin, end = self.start // slots.step - first, (self.end - 1) // slots.step + 1 - first
        return [numbers[at + begin : at + end] for at in range(0, len(numbers), number)]

    def joined(self, rows: Sequence[bytes]) -> Sequence[int]:
        """Return the numbers of its steps from the rows that have them."""
        return numbers_of(between(rows, self.window.counts, self.start, self.end)).tolist()
