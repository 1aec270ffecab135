"""How lists show schedules: in which order, which of them want somebody, and what their sources are called."""

from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext_lazy as _

from .info import DATABASE, REDBEAT, SETTINGS, ScheduleInfo

#: What sources are called.
SOURCES: Final = {SETTINGS: _("Settings"), DATABASE: _("Database"), REDBEAT: _("redbeat")}


def has_problem(schedule: ScheduleInfo) -> bool:
    """Return whether something is wrong with a schedule: that somebody has paused it is not."""
    return schedule.overdue or any(not problem.is_notice for problem in schedule.problems)


def worst_first(schedules: Iterable[ScheduleInfo]) -> list[ScheduleInfo]:
    """Return what is overdue first, then what has a problem, then what is due next; what rests comes last."""
    return sorted(schedules, key=_order)


def _order(schedule: ScheduleInfo) -> tuple[int, float, str]:
    return _rank(schedule), schedule.next_due.timestamp() if schedule.next_due else 0.0, schedule.entry.name


def _rank(schedule: ScheduleInfo) -> int:
    if schedule.overdue:
        return 0
    if has_problem(schedule):
        return 1
    return 2 if schedule.next_due else 3
