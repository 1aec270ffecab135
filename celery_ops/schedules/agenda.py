"""When entries are due within a stretch of time, as few marks: what comes again and again is one band."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ..logs import get_logger
from .due import due_after
from .info import ScheduleInfo

logger = get_logger("celery_ops.schedules")

#: How closely the end of a band is looked for.
CLOSE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One time that an entry is due (``first`` is ``last``), or from when to when it is due again and again."""

    first: datetime
    last: datetime

    @property
    def is_band(self) -> bool:
        return self.last > self.first


def stretches(schedule: ScheduleInfo, start: datetime, end: datetime, gap: timedelta) -> list[Stretch]:
    """Return when an entry is due from ``start`` until ``end`` (aware), as its own schedule says.

    Times that follow each other in less than ``gap`` are a band, so there are no more than the time has gaps. What
    is overdue is due at ``start``. What is sent once is due once, and nothing from when it expires. A schedule that
    raises has none.
    """
    if schedule.next_due is None:
        return []
    entry, first = schedule.entry, max(schedule.next_due, start)
    if entry.expires is not None:
        end = min(end, entry.expires - timedelta.resolution)  # at that time beat sends it no more
    try:
        return list(_stretches(None if entry.one_off else entry.schedule, first, end, gap))
    except Exception:  # of a schedule of the site's own
        logger.debug("It cannot be told when an entry is due", exc_info=True)
        return []


def _stretches(schedule: Any, due: datetime | None, end: datetime, gap: timedelta) -> Iterator[Stretch]:
    while due is not None and due <= end:
        first = last = due
        due = _next(schedule, last)
        if due is not None and due - last < gap:
            last = min(_end_of_band(schedule, due, end, gap), end)
            due = _next(schedule, last)
        yield Stretch(first, last)


def _end_of_band(schedule: Any, last: datetime, end: datetime, gap: timedelta) -> datetime:
    """Return the last time that follows another one so closely: it is looked for in leaps."""
    while last < end:
        leap = last + gap / 2
        due = _next(schedule, leap)
        if due is None or due - last >= gap:
            return _last_before(schedule, last, leap)
        last = due
    return last


def _last_before(schedule: Any, last: datetime, until: datetime) -> datetime:
    while until - last > CLOSE:
        middle = last + (until - last) / 2
        due = _next(schedule, middle)
        if due is not None and due <= until:
            last = due
        else:
            until = middle
    due = _next(schedule, last)
    return due if due is not None and due <= until + CLOSE else last


def _next(schedule: Any, last: datetime) -> datetime | None:
    """A schedule that comes once says its time again."""
    due = None if schedule is None else due_after(schedule, last)
    return due if due is not None and due > last else None
