"""Lines over time: a duration in each slot of time, as percentiles are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from . import words
from .chart import Chart, Event, Frame, Legend, Row, Slot, Written, marks
from .scale import of_seconds, per_cent
from .times import TimeAxis, words_of


@dataclass(frozen=True, slots=True)
class Durations:
    """A line: seconds in each slot, None where nothing is known, and ``overall`` those of the whole time."""

    name: str
    kind: str
    points: Sequence[float | None]
    overall: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """A known value, in per cent of the chart from its left and from its top."""

    x: float
    y: float

    def __str__(self) -> str:
        return f'<circle cx="{self.x}%" cy="{self.y}%" r="2.5"/>'


@dataclass(frozen=True, slots=True)
class Line:
    """Points of one kind; ``path`` joins those that follow each other, in a square of a hundred."""

    kind: str
    points: Sequence[Point]
    path: str

    @property
    def dots(self) -> Written:
        return Written(self.points)


@dataclass(frozen=True, slots=True)
class LineChart(Chart):
    """Lines in their frame."""

    lines: Sequence[Line]

    template = "celery_ops/charts/lines.html"


def line_chart(
    key: str,
    title: str,
    summary: str,
    durations: Sequence[Durations],
    begins: Sequence[float],
    times: TimeAxis,
    events: Iterable[Event] = (),
) -> LineChart:
    """Return the chart of lines that have a point for each slot; ``begins`` says when each slot begins.

    The first slot may begin before the axis does, and the last one end after it.
    """
    ends = [*begins[1:], times.end]
    spans = [(max(times.start, begin), min(times.end, end)) for begin, end in zip(begins, ends, strict=True)]
    middles = [times.at((begin + end) / 2) for begin, end in spans]
    scale = of_seconds(point for line in durations for point in line.points if point is not None)
    places = [place for place in range(len(begins)) if any(line.points[place] is not None for line in durations)]
    names = dict(zip(places, words_of(spans[place][0] for place in places), strict=True))
    cells = {place: [words.seconds(line.points[place]) for line in durations] for place in places}
    frame = Frame(
        key,
        title,
        summary,
        times,
        scale,
        marks(events, times),
        [Legend(line.name, line.kind, words.seconds(line.overall)) for line in durations],
        [Row(names[place], cells[place]) for place in reversed(places)],
        not places,
    )
    slots: list[Slot] = []
    for place in places:
        begin, end = map(times.at, spans[place])
        said = ", ".join(f"{line.name} {cell}" for line, cell in zip(durations, cells[place], strict=True))
        slots.append(Slot(begin, per_cent(end - begin), f"{names[place]}: {said}"))
    return LineChart(frame, slots, [_line(line, middles, scale.height) for line in durations])


def _line(line: Durations, middles: Sequence[float], height: Callable[[float], float]) -> Line:
    points: list[Point] = []
    path: list[str] = []
    is_joined = False
    for x, seconds in zip(middles, line.points, strict=True):
        if seconds is not None:
            point = Point(x, per_cent(100 - height(seconds)))
            points.append(point)
            path.append(f"{'L' if is_joined else 'M'}{point.x} {point.y}")
        is_joined = seconds is not None
    return Line(line.kind, points, "".join(path))
