"""How lists show schedules: in which order, which of them want somebody, and what their sources are called."""

from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext_lazy as _

from .info import DATABASE, REDBEAT, SETTINGS, ScheduleInfo

#: What sources are called.
SOURCES: Final = {SETTINGS: _("Settings"), DATABASE: _("Database"), REDBEAT: _("redbeat")}


def has_problem(one: ScheduleInfo) -> bool:
    """Return whether something is wrong with a schedule: that somebody has paused it is not."""
    return one.overdue or any(not problem.is_notice for problem in one.problems)


def worst_first(schedules: Iterable[ScheduleInfo]) -> list[ScheduleInfo]:
    """Return what is overdue first, then what has a problem, then what is due next; what rests comes last."""
    return sorted(schedules, key=_order)


def _order(one: ScheduleInfo) -> tuple[int, float, str]:
    return _rank(one), one.next_due.timestamp() if one.next_due else 0.0, one.entry.name


def _rank(one: ScheduleInfo) -> int:
    if one.overdue:
        return 0
    if has_problem(one):
        return 1
    return 2 if one.next_due else 3
