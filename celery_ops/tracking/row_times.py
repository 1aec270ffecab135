"""When a task was published and began, and by which schedule, kept beside its result.

django-celery-results stores what ``request.meta`` says. Its columns say when a row was written, which is not before a
worker has the task, and begin by the database's clock.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .stamp import schedule_of

KEY: Final = "celery_ops"
SCHEDULE: Final = "celery_ops_schedule"
#: Characters of a row's meta that are enough to read the times: they come first; and with them the schedule.
LENGTH: Final = 60
LENGTH_WITH_SCHEDULE: Final = 400
#: Characters of a schedule's name as JSON that are kept so.
LONGEST_SCHEDULE: Final = 300

_TIMES: Final = re.compile(rf'{{"{KEY}": \[(null|\d{{1,14}}), (null|\d{{1,14}})\]')
_SCHEDULE: Final = re.compile(rf', "{SCHEDULE}": ("(?:[^"\\]|\\.)*")')


def note(request: Any, published: int | None, begun: int, schedule: str = "") -> None:
    """Have the result of a request carry these, in milliseconds since the epoch, before what else is in its meta."""
    others = getattr(request, "meta", None)
    own: dict[str, Any] = {KEY: [published, begun]}
    if schedule and len(json.dumps(schedule)) <= LONGEST_SCHEDULE:
        own[SCHEDULE] = schedule
    if isinstance(others, Mapping):
        own.update((name, value) for name, value in others.items() if name not in (KEY, SCHEDULE))
    request.meta = own


def noted(meta: str | None) -> tuple[int | None, int | None]:
    """Return when the task of a row was published and when it began, None for what is not known."""
    match = _TIMES.match(meta or "")
    if match is None:
        return None, None
    published, begun = (None if text == "null" else int(text) for text in match.groups())
    return published, begun


def noted_schedule(meta: str | None) -> str:
    """Return for which entry of its schedule beat sent the task of a row, empty where that is not known."""
    times = _TIMES.match(meta or "")
    match = _SCHEDULE.match(meta or "", times.end()) if times else None
    try:
        return "" if match is None else schedule_of(json.loads(match[1]))
    except ValueError:
        return ""
