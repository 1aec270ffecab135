"""What people do to entries: pause, resume, skip. The journal's row is committed first, then the source is told."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from ..control.journal import complete, write_record
from ..exceptions import BackendUnavailable, NotDone, ScheduleRefused
from ..models import ControlRecord
from ..sentences import Sentence as _
from .info import ScheduleInfo
from .sources.base import PAUSE, RESUME, RUN, SKIP, ScheduleSource
from .sources.site_sources import source_named

#: How the journal names what is done to an entry.
RECORDED: Final = {
    PAUSE: ControlRecord.PAUSE_SCHEDULE,
    RESUME: ControlRecord.RESUME_SCHEDULE,
    SKIP: ControlRecord.SKIP_OCCURRENCE,
}


def pause(schedule: ScheduleInfo, until: datetime | None, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Have an entry not be sent until then (aware), or until it is resumed.

    Raises ScheduleRefused where its source cannot, NotDone when the journal or the source is away, and Repeated for
    the same form once more.
    """
    parameters = {"until": until.isoformat()} if until else {}
    return _done(PAUSE, schedule, parameters, user, submission, lambda source: source.pause(schedule.entry.name, until))


def resume(schedule: ScheduleInfo, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Have a paused entry be sent again. Raises the same."""
    return _done(RESUME, schedule, {}, user, submission, lambda source: source.resume(schedule.entry.name))


def skip(schedule: ScheduleInfo, due: datetime, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Have the occurrence that is due then (aware) not be sent. Raises the same."""
    parameters = {"due": due.isoformat()}
    return _done(SKIP, schedule, parameters, user, submission, lambda source: source.skip(schedule.entry.name, due))


def reason_against(schedule: ScheduleInfo, action: str) -> str:
    """Return why that cannot be done to an entry, empty where it can."""
    entry = schedule.entry
    if action in entry.actions:
        return entry.unreadable if action == RUN else ""
    return entry.refused.get(action) or _("This source cannot do that.")


def _done(
    action: str,
    schedule: ScheduleInfo,
    parameters: dict[str, str],
    user: Any,
    submission: UUID | None,
    tell: Callable[[ScheduleSource], None],
) -> ControlRecord:
    source = source_named(schedule.entry.source)
    if source is None or (reason := reason_against(schedule, action)):
        raise ScheduleRefused(_("This source cannot do that.") if source is None else reason)
    parameters = {"source": schedule.entry.source, "task": schedule.entry.task, **parameters}
    record = write_record(RECORDED[action], schedule.entry.name, parameters, user, submission)
    try:
        tell(source)
    except (ScheduleRefused, BackendUnavailable) as error:
        complete(record, {"error": str(error)})
        if isinstance(error, ScheduleRefused):
            raise
        raise NotDone(str(error), record) from error
    complete(record, {"told": True})
    return record
