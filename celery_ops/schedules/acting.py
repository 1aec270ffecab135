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
from .sources.base import PAUSE, RESUME, SKIP, ScheduleSource
from .sources.site_sources import source_named

#: How the journal names what is done to an entry.
RECORDED: Final = {
    PAUSE: ControlRecord.PAUSE_SCHEDULE,
    RESUME: ControlRecord.RESUME_SCHEDULE,
    SKIP: ControlRecord.SKIP_OCCURRENCE,
}


def pause(one: ScheduleInfo, until: datetime | None, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Have an entry not be sent until then (aware), or until it is resumed.

    Raises ScheduleRefused where its source cannot, NotDone when the journal or the source is away, and Repeated for
    the same form once more.
    """
    parameters = {"until": until.isoformat()} if until else {}
    return _done(PAUSE, one, parameters, user, submission, lambda source: source.pause(one.entry.name, until))


def resume(one: ScheduleInfo, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Have a paused entry be sent again. Raises the same."""
    return _done(RESUME, one, {}, user, submission, lambda source: source.resume(one.entry.name))


def skip(one: ScheduleInfo, due: datetime, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Have the occurrence that is due then (aware) not be sent. Raises the same."""
    parameters = {"due": due.isoformat()}
    return _done(SKIP, one, parameters, user, submission, lambda source: source.skip(one.entry.name, due))


def reason_against(one: ScheduleInfo, action: str) -> str:
    """Return why that cannot be done to an entry, empty where it can."""
    if action in one.entry.actions:
        return ""
    return one.entry.refused.get(action) or _("This source cannot do that.")


def _done(
    action: str,
    one: ScheduleInfo,
    parameters: dict[str, str],
    user: Any,
    submission: UUID | None,
    tell: Callable[[ScheduleSource], None],
) -> ControlRecord:
    source = source_named(one.entry.source)
    if source is None or (reason := reason_against(one, action)):
        raise ScheduleRefused(_("This source cannot do that.") if source is None else reason)
    parameters = {"source": one.entry.source, "task": one.entry.task, **parameters}
    record = write_record(RECORDED[action], one.entry.name, parameters, user, submission)
    try:
        tell(source)
    except (ScheduleRefused, BackendUnavailable) as error:
        complete(record, {"error": str(error)})
        if isinstance(error, ScheduleRefused):
            raise
        raise NotDone(str(error), record) from error
    complete(record, {"told": True})
    return record
