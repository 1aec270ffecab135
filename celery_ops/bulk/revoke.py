"""Revoking what was chosen in a list, and all that its filters find."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import ngettext

from .. import states
from ..backends.base import TaskBackend
from ..control import revoke
from ..control.standing import REVOKE, texts
from ..exceptions import StoreUnavailable
from ..formatting import clean
from ..info import TaskInfo
from ..models import ControlRecord
from ..permissions import REVOKE_TASK, allows
from ..sentences import Sentence as _
from ..task_query import TaskQuery
from ..timezones import milliseconds
from ..tracking import index
from .base import BulkAction, ChunkOutcome, DoChunk
from .preview import SAMPLE, BulkPreview, TasksOfName, task_counts
from .progress import Tally, left_out


def places_of(created: Mapping[str, datetime | None]) -> revoke.Places:
    """Return where it is noted that each of many tasks is to be revoked: its objects, else its own place.

    ``created`` says when each was seen first, None where that is not known. Four round trips at most; while the store
    is away every task's own place is returned: that is looked at, too.
    """
    try:
        times = {task_id: milliseconds(at) for task_id, at in created.items()}
        objects = index.objects_wherever(times, with_own=False)
    except StoreUnavailable:
        objects = {}
    return {task_id: objects.get(task_id) or [index.revoke_place(task_id)] for task_id in created}


# -- all of a list ----------------------------------------------------------------------------------------------------


class RevokeAction(BulkAction):
    """Revoking all tasks of a list: a message and a row for every thousand of them."""

    #: Another name than one revoke has: workers that start take the ids of those from the journal.
    name = "bulk_revoke"
    #: Their objects are looked up together; it is several messages.
    chunk_size = 5000

    def preview(self, backend: TaskBackend, query: TaskQuery, user: Any) -> BulkPreview:
        counts = task_counts(backend, query)
        over: Counter[str] = Counter()
        for (name, state), number in counts.numbers.items():
            over[name] += number if states.is_final(state) else 0
        return BulkPreview(
            count=counts.total,
            most=counts.total - over.total(),
            is_partial=counts.is_partial,
            names=tuple(_named(name, number, over[name]) for name, number in counts.names.items()),
            states=counts.states,
            sample=tuple((task, _reason(task, user)) for task in counts.first[:SAMPLE]),
        )

    def parameters(self, chosen: Mapping[str, Any]) -> Mapping[str, Any]:
        signal = chosen.get("signal", "TERM")
        revoke.check_signal(signal)
        return {"terminate": chosen.get("terminate", False), "signal": signal}

    def doer(self, record: ControlRecord, user: Any) -> DoChunk:
        return _Revoker(record, user).chunk


def _named(name: str, number: int, over: int) -> TasksOfName:
    if over == number:
        return TasksOfName(clean(name), number, reason=_reason_over())
    if not over:
        return TasksOfName(clean(name), number)
    warning = ngettext("%(n)s of them has ended already.", "%(n)s of them have ended already.", over)
    return TasksOfName(clean(name), number, warning=warning % {"n": over})


def _reason_over() -> str:
    return _("It has ended already.")


def _reason(task: TaskInfo, user: Any) -> str:
    """Return why a task is not revoked, empty when it is."""
    if states.is_final(task.state):
        return _reason_over()
    if not revoke.is_id(task.id):
        return _("This is no task id.")
    may = user is None or allows(user, REVOKE_TASK, task.id)  # None is the site itself, not a visitor
    return "" if may else _("You may not revoke this task.")


class _Revoker:
    """Asks for one chunk after the other; one that comes twice does no harm."""

    def __init__(self, record: ControlRecord, user: Any) -> None:
        self.record, self.user = record, user
        self.timeout: float | None = None

    def chunk(self, tasks: Sequence[TaskInfo]) -> ChunkOutcome:
        reasons = {task.id: reason for task in tasks if (reason := _reason(task, self.user))}
        taken = {task.id: task.seen_at for task in tasks if task.id not in reasons}
        if taken:
            self._revoke(taken)
        return ChunkOutcome(Tally(len(taken)).and_(left_out(reasons)))

    def _revoke(self, taken: Mapping[str, datetime | None]) -> None:
        parameters = self.record.parameters
        acted = revoke.revoke(
            list(taken),
            self.user,
            terminate=parameters.get("terminate") is True,
            signal=parameters.get("signal") or "TERM",
            places=places_of(taken),
            bulk=self.record.pk,
            timeout=self.timeout,
        )
        self.timeout = revoke.patience_after(acted[-1], self.timeout)


def answers_of(record: ControlRecord) -> dict[str, tuple[int, int]]:
    """Return how many parts of a bulk each worker was asked, and how many of them it answered, by hostname."""
    answers: dict[str, tuple[int, int]] = {}
    rows = ControlRecord.objects.filter(action=REVOKE, pk__gt=record.pk, parameters__bulk=record.pk)
    for replies in rows.values_list("replies", flat=True).iterator(chunk_size=100):
        for host in texts(replies.get("asked")):
            asked, answered = answers.get(host, (0, 0))
            answers[host] = asked + 1, answered + (host in (replies.get("answered") or {}))
    return answers
