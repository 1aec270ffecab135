"""Stacked columns: how many of each kind there were in each step of time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from . import words
from .chart import Chart, Event, Frame, Legend, Row, Slot, marks
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
    """A part of a column, in per cent of the chart from its left and from its top."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Stack:
    """All blocks of one kind."""

    kind: str
    blocks: Sequence[Block]

    @property
    def path(self) -> str:
        """Return them as the ``d`` of a path, in a square of one: what is painted is clipped to it."""
        return "".join(map(_outline, self.blocks))


@dataclass(frozen=True, slots=True)
class ColumnChart(Chart):
    """Stacked columns in their frame, kind by kind."""

    stacks: Sequence[Stack]

    template = "celery_ops/charts/columns.html"


def column_chart(
    key: str, title: str, summary: str, series: Sequence[Series], times: TimeAxis, events: Iterable[Event] = ()
) -> ColumnChart:
    """Return the chart of series that have as many points each; the first one stands lowest."""
    number = max((len(line.points) for line in series), default=0) or 1
    step = (times.end - times.start) / number
    tops = [sum(points) for points in zip(*(line.points for line in series), strict=True)]
    filled = [place for place, top in enumerate(tops) if top]
    scale = of_counts(max(tops, default=0))
    width = 100 / number
    names = dict(zip(filled, words_of(times.start + place * step for place in filled), strict=True))
    frame = Frame(
        key,
        title,
        summary,
        times,
        scale,
        marks(events, times),
        [Legend(line.name, line.kind, words.count(line.total)) for line in series],
        [Row(names[place], [words.number(line.points[place]) for line in series]) for place in reversed(filled)],
        not filled,
    )
    slots = [
        Slot(per_cent(place * width), per_cent(width), f"{names[place]}: {_words(series, place)}") for place in filled
    ]
    return ColumnChart(frame, slots, _stacks(series, filled, width, scale.height))


def _outline(block: Block) -> str:
    width = f"{block.width / 100:.5f}"
    return f"M{block.x / 100:.5f} {block.y / 100:.5f}h{width}v{block.height / 100:.5f}h-{width}z"


def _words(series: Iterable[Series], place: int) -> str:
    return ", ".join(f"{line.name} {words.number(line.points[place])}" for line in series if line.points[place])


def _stacks(
    series: Sequence[Series], places: Iterable[int], width: float, height: Callable[[float], float]
) -> list[Stack]:
    blocks: dict[str, list[Block]] = {line.kind: [] for line in series}
    for place in places:
        heights = {line.kind: max(LEAST, height(line.points[place])) for line in series if line.points[place]}
        if (over := sum(heights.values()) - 100) > 0:  # the smallest ones took a little more than is theirs
            heights[max(heights, key=lambda kind: heights[kind])] -= over
        top = 100.0
        for kind, high in heights.items():
            top -= high
            blocks[kind].append(Block((place + (1 - FILLED) / 2) * width, top, width * FILLED, high))
    return [Stack(kind, of_kind) for kind, of_kind in blocks.items() if of_kind]
