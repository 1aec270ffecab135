"""Which occurrences somebody has skipped: a last run that lies ahead, and the journal says whose wish that is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError
from django.utils.dateparse import parse_datetime

from ..formatting import clean
from ..logs import get_logger
from ..models import ControlRecord
from .info import ScheduleInfo
from .problems import LAST_RUN_AHEAD

logger = get_logger("celery_ops.schedules")

#: Rows of the journal that are looked through, and entries that are asked of.
MOST_ROWS: Final = 500
MOST_ENTRIES: Final = 200
#: Characters of a name in the journal.
LONGEST_NAME: Final = 250
#: By how much a source may round the time of a run.
SAME: Final = timedelta(seconds=1)


def without_skips(schedules: Sequence[ScheduleInfo]) -> list[ScheduleInfo]:
    """Return the schedules; of those of which an occurrence is being skipped the last run ahead is no problem.

    One query where a last run lies ahead, else none.
    """
    ahead = [clean(schedule.entry.name, LONGEST_NAME) for schedule in schedules if _is_ahead(schedule)]
    skips = _skips(ahead[:MOST_ENTRIES]) if ahead else {}
    return [_without_skip(schedule, skips) for schedule in schedules] if skips else [*schedules]


def _without_skip(schedule: ScheduleInfo, skips: Mapping[str, Sequence[datetime]]) -> ScheduleInfo:
    ran = schedule.ran
    if ran is None or not _is_ahead(schedule):
        return schedule
    if not any(abs(ran - due) <= SAME for due in skips.get(clean(schedule.entry.name, LONGEST_NAME), ())):
        return schedule
    others = tuple(problem for problem in schedule.problems if problem.code != LAST_RUN_AHEAD)
    return replace(schedule, problems=others, skipped=ran)


def _is_ahead(schedule: ScheduleInfo) -> bool:
    return any(problem.code == LAST_RUN_AHEAD for problem in schedule.problems)


def _skips(names: Sequence[str]) -> Mapping[str, Sequence[datetime]]:
    """Return when what was skipped is due, by entry. Never raises."""
    rows = ControlRecord.objects.filter(action=ControlRecord.SKIP_OCCURRENCE, target__in=names).order_by("-pk")
    skips: dict[str, list[datetime]] = {}
    try:
        for target, parameters in rows.values_list("target", "parameters")[:MOST_ROWS]:
            if (due := _due(parameters)) is not None:
                skips.setdefault(target, []).append(due)
    except (DatabaseError, ValueError):
        logger.debug("It is not known what was skipped", exc_info=True)
    return skips


def _due(parameters: Any) -> datetime | None:
    """Return the time in what the journal says of a skip, None in what is none."""
    text = parameters.get("due") if isinstance(parameters, Mapping) else None
    try:
        due = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return due if due is not None and due.tzinfo is not None else None
