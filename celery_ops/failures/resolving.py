"""Whether a group is settled: somebody says so in the journal, and a failure after that says that it is not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import Error as DatabaseError

from ..conf import conf
from ..control.journal import complete, write_record
from ..exceptions import StoreUnavailable
from ..logs import get_logger
from ..models import ControlRecord
from ..timezones import aware, now, stored
from ..tracking.recorder import recorder
from .group import REGRESSED, RESOLVED, Group
from .rows import resolution

logger = get_logger("celery_ops.failures")

#: Seconds of a century: from no time that there is can more be taken.
LONGEST: Final = 100 * 365 * 86_400
#: Rows of the journal that are looked at, the newest ones.
MOST: Final = 5000
#: What a row says of a group that was seen later than now, by the clock of a worker that is ahead: when that was.
SEEN: Final = "last_seen"


@dataclass(frozen=True, slots=True)
class Settled:
    """That a group was resolved: when, the name of who said so, and up to when the failures are that were known."""

    at: datetime
    by: str
    until: datetime


def settled() -> dict[str, Settled]:
    """Return which groups are resolved, by key, for as long as groups are kept; none without the journal."""
    try:
        return _settled()
    except DatabaseError:
        logger.warning("It is not known which failures are resolved", exc_info=True)
        return {}


def _settled() -> dict[str, Settled]:
    since = now() - timedelta(seconds=min(conf.metrics_seconds, LONGEST))
    actions = (ControlRecord.RESOLVE, ControlRecord.REOPEN)
    rows = ControlRecord.objects.filter(action__in=actions, created_at__gte=stored(since)).order_by("-pk")
    newest = rows.values_list("target", "action", "created_at", "username", "parameters")[:MOST]
    last: dict[str, Settled | None] = {}
    for key, action, at, username, parameters in newest:
        settled = Settled(aware(at), username, _until(aware(at), parameters))
        last.setdefault(key, settled if action == ControlRecord.RESOLVE else None)
    return {key: one for key, one in last.items() if one is not None}


def _until(at: datetime, parameters: Any) -> datetime:
    """What was known is settled, whatever a worker's clock says of when that was."""
    try:
        return max(at, aware(datetime.fromisoformat(parameters[SEEN])))
    except (TypeError, KeyError, ValueError, OverflowError):
        return at


def with_states(groups: Sequence[Group]) -> list[Group]:
    """Return the groups, with what the journal says of them: it is asked where there are any."""
    by_key = settled() if groups else {}
    return [_with_state(group, by_key[group.key]) if group.key in by_key else group for group in groups]


def _with_state(group: Group, settled: Settled) -> Group:
    is_back = group.last_seen is not None and group.last_seen > settled.until
    state = REGRESSED if is_back else RESOLVED
    return replace(group, state=state, resolved_at=settled.at, resolved_by=settled.by)


def resolve(group: Group, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Say that a group is settled. Raises NotDone when the journal is away, Repeated for the same form once more."""
    return _write(ControlRecord.RESOLVE, group, user, submission)


def reopen(group: Group, user: Any, submission: UUID | None = None) -> ControlRecord:
    """Say that it is not. Raises the same."""
    return _write(ControlRecord.REOPEN, group, user, submission)


def _write(action: str, group: Group, user: Any, submission: UUID | None) -> ControlRecord:
    parameters = {"exception": group.exception, "frame": group.frame, "count": group.count}
    if action == ControlRecord.RESOLVE and group.last_seen is not None and group.last_seen > now():
        parameters[SEEN] = group.last_seen.isoformat()
    record = write_record(action, group.key, parameters, user, submission)
    until = _until(aware(record.created_at), parameters)
    at = int(until.timestamp() * 1000) if action == ControlRecord.RESOLVE else None
    try:  # for workers, who tell of one that comes back; the pages go by the journal
        recorder().ask(lambda store: store.add([resolution(group.key, at)], uuid4().hex))
    except StoreUnavailable:
        complete(record, {"told": False})
    else:
        complete(record, {"told": True})
    return record
