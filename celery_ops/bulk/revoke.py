"""Revoking what was chosen in a list, and all that its filters find."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import states
from ..backends.base import TaskBackend
from ..control import revoke
from ..control.standing import REVOKE
from ..exceptions import StoreUnavailable
from ..formatting import clean
from ..info import TaskInfo
from ..models import ControlRecord
from ..permissions import REVOKE_TASK, allows
from ..task_query import Count, TaskQuery
from ..tracking import index
from . import base as bulk
from .base import BulkPreview, Done, TasksOfName, progress_of, query_of, stop
from .progress import BulkProgress, Tally

__all__ = ["ACTION", "advance", "answers_of", "places_of", "preview", "progress_of", "start", "stop"]

#: Another name than one revoke has: workers that start take the ids of those from the journal.
ACTION: Final = "bulk_revoke"
#: Tasks of one chunk, whose objects are looked up together; it is several messages.
CHUNK: Final = 5000


def places_of(created: Mapping[str, datetime | None]) -> revoke.Places:
    """Return where it is noted that each of many tasks is to be revoked: its objects, else its own place.

    ``created`` says when each was seen first, None where that is not known. Four round trips at most; while the store
    is away every task's own place is returned: that is looked at, too.
    """
    try:
        times = {task_id: at and round(at.timestamp() * 1000) for task_id, at in created.items()}
        found = index.objects_wherever(times, with_own=False)
    except StoreUnavailable:
        found = {}
    return {task_id: found.get(task_id) or [index.revoke_place(task_id)] for task_id in created}


# -- all of a list ----------------------------------------------------------------------------------------------------


def preview(backend: TaskBackend, query: TaskQuery, user: Any) -> BulkPreview:
    """Return what a bulk of this query would take. Raises BackendUnavailable."""
    counted = bulk.counted(backend, query)
    names = counted.by(0)
    over: Counter[str] = Counter()
    for (name, state), number in counted.found.items():
        over[name] += number if states.is_final(state) else 0
    return BulkPreview(
        count=sum(names.values()),
        most=sum(names.values()) - over.total(),
        is_partial=counted.is_partial,
        names=tuple(_named(name, number, over[name]) for name, number in names.items()),
        states=counted.by(1),
        sample=tuple((task, _reason(task, user)) for task in counted.first[: bulk.SAMPLE]),
    )


def _named(name: str, number: int, over: int) -> TasksOfName:
    if over == number:
        return TasksOfName(clean(name), number, reason=_reason_over())
    said = ngettext("%(n)s of them has ended already.", "%(n)s of them have ended already.", over) % {"n": over}
    return TasksOfName(clean(name), number, warning=said if over else "")


def _reason_over() -> str:
    return _("It has ended already.")


def _reason(task: TaskInfo, user: Any) -> str:
    """Return why a task is not revoked, empty when it is."""
    if states.is_final(task.state):
        return _reason_over()
    if not revoke.is_id(task.id):
        return _("This is no task id.")
    return "" if allows(user, REVOKE_TASK, task.id) else _("You may not revoke this task.")


def start(
    user: Any,
    filters: Mapping[str, list[str]],
    query: TaskQuery,
    counted: Count,
    bulk_key: UUID | None = None,
    terminate: bool = False,
    signal: str = "TERM",
) -> ControlRecord:
    """Write down that ``user`` revokes what ``filters`` find now, as ``bulk.base.start`` does. Raises BadInput."""
    revoke.check_signal(signal)
    return bulk.start(ACTION, user, filters, query, counted, bulk_key, terminate=terminate, signal=signal)


def advance(
    record: ControlRecord, backend: TaskBackend, query: TaskQuery, user: Any, seconds: float = bulk.SECONDS
) -> BulkProgress:
    """Revoke what comes next, as ``bulk.base.advance`` does: a message and a row for every thousand tasks."""
    do = _Revoker(record, user).chunk
    return bulk.advance(record, backend, query_of(query, backend), do, CHUNK, seconds)


class _Revoker:
    """Asks for one chunk after the other; one that is asked for twice does no harm."""

    def __init__(self, record: ControlRecord, user: Any) -> None:
        self.record, self.user = record, user
        self.timeout: float | None = None

    def chunk(self, listed: Sequence[TaskInfo]) -> Done:
        reasons = {task.id: _reason(task, self.user) for task in listed}
        taken = {task.id: task.seen_at for task in listed if not reasons[task.id]}
        if taken:
            self._revoke(taken)
        return Done(Tally(len(taken)).and_(bulk.left_out({t: reason for t, reason in reasons.items() if reason})))

    def _revoke(self, taken: Mapping[str, datetime | None]) -> None:
        asked = self.record.parameters
        acted = revoke.revoke(
            list(taken),
            self.user,
            terminate=asked.get("terminate") is True,
            signal=asked.get("signal") or "TERM",
            places=places_of(taken),
            bulk=self.record.pk,
            timeout=self.timeout,
        )
        self.timeout = revoke.patience_after(acted[-1], self.timeout)


def answers_of(record: ControlRecord) -> dict[str, tuple[int, int]]:
    """Return how many parts of a bulk each worker was asked, and how many of them it answered, by hostname."""
    found: dict[str, tuple[int, int]] = {}
    rows = ControlRecord.objects.filter(action=REVOKE, pk__gt=record.pk, parameters__bulk=record.pk)
    for replies in rows.values_list("replies", flat=True).iterator(chunk_size=100):
        for host in _texts(replies.get("asked")):
            asked, answered = found.get(host, (0, 0))
            found[host] = asked + 1, answered + (host in (replies.get("answered") or {}))
    return found


def _texts(value: Any) -> Iterable[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
