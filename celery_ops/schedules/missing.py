"""Which occurrences were missed: due by the schedule, and nothing was sent for them, as while beat is down.

Beat sends once for a whole stretch, late. When the others of it were due is asked of the entry's own schedule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from celery.schedules import schedule as Interval

from ..logs import get_logger
from .due import due_after, upcoming
from .info import LATE_AFTER, Occurrence, ScheduleInfo

logger = get_logger("celery_ops.schedules")

#: Missed occurrences of an entry that are named, and that are counted: each is a step of its schedule.
MOST_NAMED: Final = 50
MOST_COUNTED: Final = 1500
LATE: Final = timedelta(seconds=LATE_AFTER)
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Missed:
    """The missed occurrences of an entry, the newest first, as many as are named; ``more`` were missed besides.

    ``is_counted`` says that those are all; else they are the first ones, and so many more at least.
    """

    occurrences: tuple[Occurrence, ...] = ()
    more: int = 0
    is_counted: bool = True


def missed(schedule: ScheduleInfo, now: datetime) -> Missed:
    """Return what was missed of an entry since the oldest of its ``occurrences`` that are kept.

    A time that is due to the second when beat sends is not missed. A schedule that raises has missed nothing.
    """
    try:
        times = list(islice(_missed(schedule, now), MOST_COUNTED))
    except Exception:  # of a schedule of the site's own
        logger.debug("It cannot be told what was missed", exc_info=True)
        return Missed()
    is_counted = len(times) < MOST_COUNTED
    times.sort()
    named = times[-MOST_NAMED:] if is_counted else times[:MOST_NAMED]
    return Missed(tuple(map(Occurrence, reversed(named))), len(times) - len(named), is_counted)


def _missed(schedule: ScheduleInfo, now: datetime) -> Iterator[datetime]:
    times = schedule.entry.schedule
    if times is None or schedule.entry.one_off:
        return
    if schedule.overdue and schedule.next_due is not None:
        yield schedule.next_due
        yield from upcoming(times, schedule.next_due, now - LATE, MOST_COUNTED)
    for occurrence in schedule.occurrences:
        if occurrence.sent is not None and _is_late_by(times, occurrence.due, occurrence.sent):
            yield from upcoming(times, occurrence.due, occurrence.sent - LATE, MOST_COUNTED)


def _is_late_by(schedule: Any, due: datetime, sent: datetime) -> bool:
    """Whether an occurrence was late by this schedule: the entry may have had another one then."""
    if sent - due <= LATE:
        return False
    if isinstance(schedule, Interval):  # it counts from each run, so any time may be one of its
        return True
    again = due_after(schedule, due - SECOND)
    return again is not None and abs(again - due) < SECOND


def with_missed(occurrences: tuple[Occurrence, ...], lapses: Missed) -> tuple[Occurrence, ...]:
    """Return all of them, the newest first."""
    return tuple(sorted((*occurrences, *lapses.occurrences), key=lambda occurrence: occurrence.due, reverse=True))
