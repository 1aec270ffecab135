"""Stacked columns: how many of each kind there were in each step of time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.template.loader import get_template
from django.utils.html import html_safe

from . import words
from .chart import Event, Frame, Legend, marks, row
from .scale import of_counts, per_cent
from .times import TimeAxis, words_of

#: Which part of a step its column takes.
FILLED: Final = 0.8
#: Per cent of the chart's height that a number above zero has at least: one beside a million can be seen.
LEAST: Final = 1.2


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of one kind, a point for each step; ``kind`` is what it is painted as."""

    name: str
    kind: str
    points: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.points)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a column, in per cent of the chart from its top."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """What there was in one step, which is from ``x`` on; ``title`` says it in words. Its column is from ``begin``."""

    x: float
    begin: float
    title: str
    blocks: Sequence[Block]


@html_safe
@dataclass(frozen=True, slots=True)
class ColumnChart:
    """Stacked columns in their frame; ``step_width`` and ``width`` are of a step and of its column, in per cent."""

    frame: Frame
    columns: Sequence[Column]
    step_width: float
    width: float

    def __str__(self) -> str:
        return get_template("celery_ops/charts/columns.html").render({"chart": self, "frame": self.frame})


def column_chart(
    key: str, title: str, summary: str, series: Sequence[Series], times: TimeAxis, events: Iterable[Event] = ()
) -> ColumnChart:
    """Return the chart of series that have as many points each; the first one stands lowest."""
    number = max((len(one.points) for one in series), default=0) or 1
    step = (times.end - times.start) / number
    tops = [sum(points) for points in zip(*(one.points for one in series), strict=True)]
    scale = of_counts(max(tops, default=0))
    width = 100 / number
    columns = [
        Column(
            per_cent(place * width),
            per_cent((place + (1 - FILLED) / 2) * width),
            _title(times.start + place * step, series, place),
            _blocks(series, place, scale.height),
        )
        for place, top in enumerate(tops)
        if top
    ]
    frame = Frame(
        key,
        title,
        summary,
        times,
        scale,
        marks(events, times),
        [Legend(one.name, one.kind, words.count(one.total)) for one in series],
        [
            row(times.start + place * step, [words.number(one.points[place]) for one in series])
            for place in reversed(range(len(tops)))
            if tops[place]
        ],
        not any(tops),
    )
    return ColumnChart(frame, columns, per_cent(width), per_cent(width * FILLED))


def _title(moment: float, series: Iterable[Series], place: int) -> str:
    numbers = [f"{one.name} {words.number(one.points[place])}" for one in series if one.points[place]]
    return f"{words_of(moment)}: {', '.join(numbers)}"


def _blocks(series: Iterable[Series], place: int, height: Callable[[float], float]) -> list[Block]:
    heights = {one.kind: max(LEAST, height(one.points[place])) for one in series if one.points[place]}
    if (over := sum(heights.values()) - 100) > 0:  # the smallest ones took a little more than is theirs
        heights[max(heights, key=lambda kind: heights[kind])] -= over
    blocks: list[Block] = []
    top = 100.0
    for kind, high in heights.items():
        top -= high
        blocks.append(Block(kind, per_cent(top), per_cent(high)))
    return blocks
