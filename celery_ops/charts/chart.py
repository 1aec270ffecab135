"""What charts of time have in common: their words, axes, marks, and the same as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar, Final

from django.template.loader import get_template
from django.utils.html import html_safe

from .scale import Scale, Tick
from .times import TimeAxis

#: Per cent of an axis that the label of a mark needs.
LABEL_ROOM: Final = 14.0
#: Characters of it.
LONGEST_NAME: Final = 12
#: What tells kinds apart where colours do not.
PATTERNS: Final = {
    "failure": "M-1 1L1 -1M-1 7L7 -1M5 7L7 5",
    "retry": "M3 0v6",
    "revoked": "M0 3h6",
    "rejected": "M0 0L6 6M0 6L6 0",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment, in seconds since the epoch, and changed what a chart shows."""

    moment: float
    name: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An upright line in a chart; ``label`` is empty where there is no room for it."""

    at: float
    title: str
    label: str = ""
    is_late: bool = False


@html_safe
@dataclass(frozen=True, slots=True)
class Written:
    """Some parts of a chart one after the other: ``{{ parts }}`` writes them.

    Each writes itself: a template takes several times as long, and a chart has a hundred of them.
    """

    parts: Sequence[object]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: when a stretch of time begins, and what there was in it."""

    time: str
    cells: Sequence[str]

    def __str__(self) -> str:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in self.cells)
        return f'<tr><th scope="row">{escape(self.time)}</th>{cells}</tr>'


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of the chart, in per cent of its width, and what there is in it in words."""

    x: float
    width: float
    title: str

    def __str__(self) -> str:
        title = escape(self.title)
        return f'<rect x="{self.x}%" width="{self.width}%" height="100%"><title>{title}</title></rect>'


@dataclass(frozen=True, slots=True)
class Legend:
    """What one of the series is called, how it is painted, and what it comes to in all."""

    name: str
    kind: str
    total: str

    @property
    def pattern(self) -> str:
        """Return what is drawn over its colour, within a square of six, as the ``d`` of a path."""
        return PATTERNS.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Frame:
    """A chart without what is in it. ``key`` is an id that no other chart of the page has."""

    key: str
    title: str
    summary: str
    times: TimeAxis
    scale: Scale
    marks: Sequence[Mark]
    legend: Sequence[Legend]
    rows: Sequence[Row]
    is_empty: bool

    @property
    def lines(self) -> Written:
        """Return the lines of the table."""
        return Written(self.rows)

    @property
    def time_ticks(self) -> Sequence[Tick]:
        return self.times.ticks

    @property
    def is_crowded(self) -> bool:
        """Whether a narrow chart has no room for all that is written below it."""
        ticks = self.time_ticks
        return len(ticks) > 4 and max(len(tick.label) for tick in ticks[1:-1]) > 5


@html_safe
@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn in a frame, and what each of its slots says in words."""

    frame: Frame
    slots: Sequence[Slot]

    template: ClassVar[str]

    def __str__(self) -> str:
        return get_template(self.template).render({"chart": self, "frame": self.frame, "slots": Written(self.slots)})


def marks(events: Iterable[Event], times: TimeAxis) -> list[Mark]:
    """Return a line for each event within the axis; the latest have their names written where they have room."""
    lines: list[Mark] = []
    free_until = 100.0
    for event in sorted(events, key=lambda event: event.moment, reverse=True):
        if not times.has(event.moment):
            continue
        at = times.at(event.moment)
        is_late = at > 100 - LABEL_ROOM
        begin, end = (at - LABEL_ROOM, at) if is_late else (at, at + LABEL_ROOM)
        has_room = end <= free_until
        free_until = min(free_until, begin) if has_room else free_until
        name = event.name if len(event.name) <= LONGEST_NAME else event.name[: LONGEST_NAME - 1] + "…"
        lines.append(Mark(at, event.name, name if has_room else "", is_late))
    return lines[::-1]
