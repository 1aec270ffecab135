"""Looking at a task that may be run again: whether this user may, what it was given, and what to consider before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError
from django.utils.translation import gettext as _

from ..exceptions import NotKnown, NotRerunnable, NotSent, RerunRefused
from ..models import TaskRunRecord
from ..running.allowlist import Runnable
from ..task_detail.original import Original, original_of
from ..timezones import aware
from ..tracking.accounts import Account
from .claims import Reruns, reruns_of, submission_of_task
from .doubts import Doubt, doubts_of
from .policy import check_fits, check_over, permitted


@dataclass(frozen=True, slots=True)
class RerunOutcome:
    """What became of one id: its ``record``, or why there is none. ``error`` is what was raised."""

    task_id: str
    record: TaskRunRecord | None = None
    reason: str = ""
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class RerunCandidate:
    """One task that may be run again, as it was found: what it was given, and what to consider before.

    It is run again as it was seen: when somebody else runs it meanwhile, this one is refused.
    """

    original: Original
    runnable: Runnable
    reruns: Reruns
    doubts: tuple[Doubt, ...] = ()

    @property
    def task_id(self) -> str:
        return self.original.task_id

    @property
    def asks(self) -> bool:
        """Whether it is sent only when somebody has said so, having read what there is to consider."""
        return any(doubt.asks for doubt in self.doubts)

    def was_there(self, shown_at: datetime | None) -> bool:
        """Return whether what there is to consider was there to be read at that time; None is now."""
        last = self.reruns.last
        return shown_at is None or last is None or aware(last.created_at) <= shown_at

    @property
    def seen(self) -> tuple[str, ...]:
        """What was to be read, in words that do not change with the time."""
        last = self.reruns.last
        return (self.task_id, *(doubt.kind for doubt in self.doubts), str(last.pk) if last else "")


def candidate(
    task_id: str, user: Any, submission: UUID | None = None, account: Account | None = None
) -> RerunCandidate:
    """Return the task when ``user`` may run it again.

    What the same ``submission`` has sent is not held against it. ``account`` is what the store has of the task, when
    that was read already. Raises NotKnown, RerunRefused, and NotSent without the journal.
    """
    try:
        original = original_of(task_id, account)
    except NotRerunnable as error:
        if error.name:
            permitted(error.name, user)
        if error.state:
            check_over(error.state)
        raise RerunRefused(error.reason) from error
    runnable = permitted(original.name, user)
    check_over(original.state)
    check_fits(runnable, original.args, original.kwargs)
    try:
        reruns = reruns_of([task_id])[task_id]
    except DatabaseError as error:
        raise NotSent(_("The journal does not answer, so nothing was sent.")) from error
    if submission and reruns.has(submission_of_task(submission, task_id)):
        return RerunCandidate(original, runnable, reruns)
    return RerunCandidate(original, runnable, reruns, doubts_of(runnable, original.state, reruns.last))


def candidates_of(
    task_ids: Iterable[str], user: Any, submission: UUID | None = None
) -> list[RerunCandidate | RerunOutcome]:
    """Return each task as it was found, or why it is not run again."""
    return [_candidate(task_id, user, submission) for task_id in dict.fromkeys(task_ids)]


def _candidate(task_id: str, user: Any, submission: UUID | None) -> RerunCandidate | RerunOutcome:
    try:
        return candidate(task_id, user, submission)
    except NotKnown as error:
        return RerunOutcome(task_id, reason=_("No source knows a task of this id."), error=error)
    except (RerunRefused, NotSent) as error:
        return RerunOutcome(task_id, reason=str(error), error=error)
