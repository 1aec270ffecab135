"""When schedules are due in the next 24 hours: as a picture, and the same as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from ...charts.agenda import Agenda, Span, agenda
from ...charts.times import TimeAxis
from ...formatting import clean
from ...links import schedule_url
from ...schedules.agenda import Stretch, stretches
from ...schedules.info import ScheduleInfo
from ...schedules.words import words
from ...tables.links import PageLink

DAY: Final = timedelta(days=1)
#: Lanes of a picture, and marks that all of them have together.
MOST_LANES: Final = 25
MOST_MARKS: Final = 500
#: What comes more often than that is a band, however few lanes there are.
CLOSEST: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list: when, of which schedule, and how that comes."""

    at: datetime
    time: str
    link: PageLink
    words: str


@dataclass(frozen=True, slots=True)
class Day:
    """The next 24 hours of some schedules; ``more`` are due as well, and not shown."""

    agenda: Agenda
    lines: Sequence[Line]
    more: int


def day_of(schedules: Sequence[ScheduleInfo], now: datetime) -> Day | None:
    """Return the next 24 hours of schedules, those that are due first at the top; None where nothing is due."""
    end = now + DAY
    due = sorted(
        (schedule for schedule in schedules if schedule.next_due and schedule.next_due <= end),
        key=lambda schedule: schedule.next_due or now,
    )
    shown = due[:MOST_LANES]
    if not shown:
        return None
    gap = max(CLOSEST, DAY * len(shown) / MOST_MARKS)
    lanes: list[tuple[object, list[Span]]] = []
    lines: list[Line] = []
    for schedule in shown:
        link = PageLink(clean(schedule.entry.name), schedule_url(schedule.entry.name))
        how = _words(schedule)
        times = stretches(schedule, now, end, gap)
        lanes.append((link, [_span(stretch, how) for stretch in times]))
        lines += [Line(stretch.first, _time(stretch), link, how) for stretch in times]
    axis = TimeAxis(now.timestamp(), end.timestamp())
    picture = agenda(_("Due in the next 24 hours"), lanes, axis)
    return Day(picture, sorted(lines, key=lambda line: line.at), len(due) - len(shown))


def _words(schedule: ScheduleInfo) -> str:
    entry = schedule.entry
    text = entry.words or (words(entry.schedule) if entry.schedule is not None else "")
    return clean(text or entry.expression)


def _span(stretch: Stretch, how: str) -> Span:
    return Span(stretch.first.timestamp(), stretch.last.timestamp(), f"{_time(stretch)}: {how}")


def _time(stretch: Stretch) -> str:
    first = _clock(stretch.first)
    if not stretch.is_band:
        return first
    return _("%(first)s to %(last)s, again and again") % {"first": first, "last": _clock(stretch.last)}


def _clock(moment: datetime) -> str:
    return date_format(localtime(moment), "D H:i")
