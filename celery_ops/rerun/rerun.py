"""One task once more, or a few: the policy, the arguments that it had, the journal, the send."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.db import DatabaseError
from django.utils.translation import gettext as _

from ..backends.results.conditions import storable
from ..exceptions import BadInput, Claimed, NotKnown, NotRepeatable, NotSent, RerunRefused, SentNothing
from ..models import TaskRunRecord
from ..running.allowlist import Runnable
from ..running.launcher import Run, launch
from ..running.options import SendOptions, read_options
from ..task_detail.original import Original, original_of
from ..tracking.facts import short_id
from ..tracking.reading import Account
from .claims import NOT_SENT, Reruns, reruns_of
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
class Candidate:
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

    @property
    def seen(self) -> tuple[str, ...]:
        """What was to be read, in words that do not change with the time."""
        last = self.reruns.last
        return (self.task_id, *(doubt.kind for doubt in self.doubts), str(last.pk) if last else "")


def candidate(task_id: str, user: Any, submission: UUID | None = None, account: Account | None = None) -> Candidate:
    """Return the task when ``user`` may run it again. Raises NotKnown, Refused, and NotSent without the journal.

    What the same ``submission`` has sent is not held against it. ``account`` is what the store has of the task, when
    that was read already.
    """
    try:
        original = original_of(task_id, account)
    except NotRepeatable as error:
        if error.name:
            permitted(error.name, user)
        if error.state:
            check_over(error.state)
        raise RerunRefused(error.reason) from error
    found = permitted(original.name, user)
    check_over(original.state)
    check_fits(found, original.args, original.kwargs)
    try:
        reruns = reruns_of([task_id])[task_id]
    except DatabaseError as error:
        raise NotSent(_("The journal does not answer, so nothing was sent.")) from error
    own = submission and key(submission, task_id)
    is_own = own is not None and any(row.submission == own for row in reruns.rows)
    return Candidate(original, found, reruns, () if is_own else doubts_of(found, original.state, reruns.last))


def rerun(task: Candidate, user: Any, *, submission: UUID | None = None) -> TaskRunRecord:
    """Run a task again for ``user`` and return its row, SENT.

    The same ``submission`` sends a task once, however often it comes. Raises Refused, also when somebody else has run
    it again since it was looked at, and NotSent.
    """
    options = chosen([task.task_id]).get(task.task_id, {})
    own = submission and _unused(key(submission, task.task_id), task.reruns)
    try:
        return launch(run_of(task.original, task.runnable, own, options, task.reruns.claim), user)
    except (BadInput, Claimed) as error:
        raise RerunRefused(str(error)) from error


def _unused(own: UUID, reruns: Reruns) -> UUID:
    """Return the key of a form that is sent once more because it could not be sent: a panel shows the same one on."""
    unsent = {row.submission for row in reruns.rows if row.send_state == NOT_SENT}
    while own in unsent:
        own = uuid5(own, "again")
    return own


def repeat(task_id: str, user: Any, *, submission: UUID | None = None) -> TaskRunRecord:
    """Look at a task and run it again at once: whoever calls has asked. Raises NotKnown, Refused and NotSent."""
    return rerun(candidate(task_id, user, submission), user, submission=submission)


def chosen(task_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return the options that people chose for runs of theirs, by task id; none while the journal is away."""
    rows = TaskRunRecord.objects.filter(task_id__in=storable(task_ids)).order_by("pk")
    try:
        return dict(rows.values_list("task_id", "options"))
    except DatabaseError:
        return {}


def run_of(
    original: Original, found: Runnable, submission: UUID | None, options: Mapping[str, Any], claim: UUID
) -> Run:
    """Return the run that is ``original`` once more, which had these ``options``.

    ``submission`` is this one's own, and only one run has the ``claim``.
    """
    return Run(
        original.name,
        found.task,
        original.args,
        original.kwargs,
        _options(options, found),
        retry_of=original.task_id,
        refs=original.refs,
        target=original.refs[0] if original.refs else None,
        submission=submission,
        claim=claim,
    )


def _options(options: Mapping[str, Any], found: Runnable) -> SendOptions:
    """The place in the line is the same where it may still be chosen; when it runs is now."""
    queues = found.choosable_queues
    kept = {name: options[name] for name in ("priority", "queue") if name in options}
    if kept.get("queue") not in queues:
        kept.pop("queue", None)
    try:
        return read_options(kept, queues)
    except BadInput:
        return SendOptions()


def key(submission: UUID, task_id: str) -> UUID:
    """Return what makes one task of a submission one run."""
    return uuid5(submission, short_id(task_id))  # which has no half characters


def candidates_of(task_ids: Iterable[str], user: Any, submission: UUID | None = None) -> list[Candidate | RerunOutcome]:
    """Return each task as it was found, or why it is not run again."""
    return [_candidate(task_id, user, submission) for task_id in dict.fromkeys(task_ids)]


def _candidate(task_id: str, user: Any, submission: UUID | None) -> Candidate | RerunOutcome:
    try:
        return candidate(task_id, user, submission)
    except NotKnown as error:
        return RerunOutcome(task_id, reason=_("No source knows a task of this id."), error=error)
    except (RerunRefused, NotSent) as error:
        return RerunOutcome(task_id, reason=str(error), error=error)


def rerun_all(
    tasks: Iterable[Candidate | RerunOutcome], user: Any, *, submission: UUID | None = None
) -> list[RerunOutcome]:
    """Run some tasks again, each for itself. Once the broker or the journal refuses, the rest is not tried."""
    outcomes: list[RerunOutcome] = []
    away: NotSent | None = None
    for task in tasks:
        outcomes.append(task if isinstance(task, RerunOutcome) else _outcome(task, user, submission, away))
        error = outcomes[-1].error
        if isinstance(error, NotSent) and not isinstance(error, SentNothing):
            away = error
    return outcomes


def repeat_all(task_ids: Iterable[str], user: Any, *, submission: UUID | None = None) -> list[RerunOutcome]:
    """Look at some tasks and run them again at once, as ``rerun_all`` does."""
    return rerun_all(candidates_of(task_ids, user, submission), user, submission=submission)


def _outcome(task: Candidate, user: Any, submission: UUID | None, away: NotSent | None) -> RerunOutcome:
    if away is not None:
        return RerunOutcome(task.task_id, reason=str(away), error=away)
    try:
        return RerunOutcome(task.task_id, rerun(task, user, submission=submission))
    except (RerunRefused, NotSent) as error:
        return RerunOutcome(task.task_id, reason=str(error), error=error)
