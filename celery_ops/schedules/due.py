"""When Celery sends an entry: its own schedule is asked, step by step, as beat's loop asks it.

A schedule counts what is left from its clock. So each is copied, with a clock that stands where beat would look at it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from celery.schedules import solar

#: How often beat looks at an entry again before it is due: once, but in a night whose clock changes.
MOST_LOOKS: Final = 6
#: Seconds that count as none.
NOTHING: Final = 0.001
#: Seconds after which a time is no time any more: django-celery-beat says so many for "never".
NEVER: Final = 90_000_000
#: How long the units of dateutil's frequencies are: those that are always as long.
UNITS: Final = {
    2: timedelta(weeks=1),
    3: timedelta(days=1),
    4: timedelta(hours=1),
    5: timedelta(minutes=1),
    6: timedelta(seconds=1),
}


class _Clock:
    """What a copied schedule takes for now."""

    def __init__(self, zone: Any) -> None:
        self.zone = zone
        self.moment = datetime.now(timezone.utc)

    def __call__(self) -> datetime:
        return self.moment.astimezone(self.zone)


def _stopped(schedule: Any) -> tuple[Any, _Clock]:
    """Return a copy of a schedule, and its clock. The copy shares nothing that changes when it is asked."""
    clock = _Clock(getattr(schedule, "tz", None) or timezone.utc)
    if isinstance(schedule, solar):  # its observer is moved by each question, and beat's thread may ask just now
        return type(schedule)(schedule.event, schedule.lat, schedule.lon, nowfun=clock), clock
    copy = object.__new__(type(schedule))
    copy.__dict__.update(schedule.__dict__)
    copy.nowfun = clock
    return copy, clock


def due_after(schedule: Any, last: datetime) -> datetime | None:
    """Return when an entry is due that ran at ``last`` (aware), in UTC; None for never.

    Raises what the schedule raises.
    """
    copy, clock = _stopped(schedule)
    return _due(copy, clock, last)


def upcoming(schedule: Any, last: datetime, until: datetime, most: int = 1000) -> Iterator[datetime]:
    """Yield when an entry is due after ``last``, up to ``until``, if each run comes in time.

    Raises what the schedule raises.
    """
    copy, clock = _stopped(schedule)
    for _ in range(most):
        due = _due(copy, clock, last)
        if due is None or due > until or due <= last:
            return
        yield due
        last = due


def _due(copy: Any, clock: _Clock, last: datetime) -> datetime | None:
    start = last.astimezone(clock.zone)
    if getattr(copy, "rrule", None) is not None:
        copy.rrule = _from_nearby(copy, start)
    clock.moment = last.astimezone(timezone.utc)
    for _ in range(MOST_LOOKS):
        left = copy.remaining_estimate(start)
        if left is None:
            return None
        seconds = left.total_seconds()
        if seconds > NEVER:
            return None
        if seconds <= NOTHING:
            break
        clock.moment += timedelta(seconds=seconds)
    return clock.moment


def _from_nearby(copy: Any, moment: datetime) -> Any:
    """Return the rule of one of redbeat's recurrences, beginning shortly before ``moment``: at each question dateutil
    goes through all times since the beginning, which may be a million. One that counts them has to begin there."""
    unit = UNITS.get(copy.freq)
    if unit is None or copy.count is not None or copy.bysetpos is not None:
        return copy.rrule
    step = unit * copy.interval
    steps = (moment.astimezone(copy.dtstart.tzinfo) - copy.dtstart) // step - 1
    return copy.rrule.replace(dtstart=copy.dtstart + steps * step) if steps > 0 else copy.rrule
