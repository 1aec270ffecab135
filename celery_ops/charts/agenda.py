"""An agenda: a lane for each name, with a mark where something is due and a band where it is again and again."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.template.loader import get_template
from django.utils.html import html_safe

from .scale import Tick, per_cent
from .times import TimeAxis


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in seconds since the epoch: the same where it is one moment. ``title`` says it in words."""

    first: float
    last: float
    title: str


@dataclass(frozen=True, slots=True)
class Due:
    """A mark at ``x``, or a band that is ``width`` wide, in per cent of the lane."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """What is due of one name; ``label`` may be a link."""

    label: object
    marks: Sequence[Due]


@html_safe
@dataclass(frozen=True, slots=True)
class Agenda:
    """Lanes over one axis of time."""

    title: str
    lanes: Sequence[Lane]
    ticks: Sequence[Tick]

    def __str__(self) -> str:
        return get_template("celery_ops/charts/agenda.html").render({"agenda": self})


def agenda(title: str, lanes: Sequence[tuple[object, Sequence[Span]]], times: TimeAxis) -> Agenda:
    """Return the agenda of some names, each with its spans in order."""
    return Agenda(title, [Lane(label, [_due(span, times) for span in spans]) for label, spans in lanes], times.ticks)


def _due(span: Span, times: TimeAxis) -> Due:
    x = times.at(max(span.first, times.start))
    return Due(x, per_cent(times.at(min(span.last, times.end)) - x), span.title)
