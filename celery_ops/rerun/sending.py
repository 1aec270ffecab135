"""One task once more, or a few: with the arguments and the options that it had, journalled, then sent."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import DatabaseError

from ..databases import storable
from ..exceptions import BadInput, Claimed, NotSent, RerunRefused, SentNothing
from ..models import TaskRunRecord
from ..running.allowlist import Runnable
from ..running.launcher import Run, launch
from ..running.options import SendOptions, read_options
from ..running.rows import unused_key
from ..task_detail.original import Original
from .candidates import RerunCandidate, RerunOutcome, candidate, candidates_of
from .claims import NOT_SENT, submission_of_task


def rerun(task_id: str, user: Any, *, submission: UUID | None = None) -> TaskRunRecord:
    """Look at a task and run it again at once: whoever calls has asked. Raises NotKnown, RerunRefused and NotSent."""
    return rerun_candidate(candidate(task_id, user, submission), user, submission=submission)


def rerun_all(task_ids: Iterable[str], user: Any) -> list[RerunOutcome]:
    """Look at some tasks and run them again at once, as ``rerun_candidates`` does."""
    return rerun_candidates(candidates_of(task_ids, user), user)


def rerun_candidate(task: RerunCandidate, user: Any, *, submission: UUID | None = None) -> TaskRunRecord:
    """Run a task again for ``user`` and return its row, SENT.

    The same ``submission`` sends a task once, however often it comes. Raises RerunRefused, also when somebody else has
    run it again since it was looked at, and NotSent.
    """
    options = chosen_options([task.task_id]).get(task.task_id, {})
    unsent = {row.submission for row in task.reruns.rows if row.send_state == NOT_SENT}
    own = submission and unused_key(submission_of_task(submission, task.task_id), unsent.__contains__)
    try:
        return launch(run_of(task.original, task.runnable, own, options, task.reruns.claim), user)
    except (BadInput, Claimed) as error:
        raise RerunRefused(str(error)) from error


def rerun_candidates(
    tasks: Iterable[RerunCandidate | RerunOutcome], user: Any, *, submission: UUID | None = None
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


def _outcome(task: RerunCandidate, user: Any, submission: UUID | None, away: NotSent | None) -> RerunOutcome:
    if away is not None:
        return RerunOutcome(task.task_id, reason=str(away), error=away)
    try:
        return RerunOutcome(task.task_id, rerun_candidate(task, user, submission=submission))
    except (RerunRefused, NotSent) as error:
        return RerunOutcome(task.task_id, reason=str(error), error=error)


def chosen_options(task_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return the options that people chose for runs of theirs, by task id; none while the journal is away."""
    rows = TaskRunRecord.objects.filter(task_id__in=storable(task_ids)).order_by("pk")
    try:
        return dict(rows.values_list("task_id", "options"))
    except DatabaseError:
        return {}


def run_of(
    original: Original, runnable: Runnable, submission: UUID | None, options: Mapping[str, Any], claim: UUID
) -> Run:
    """Return the run that is ``original`` once more, which had these ``options``.

    ``submission`` is this one's own, and only one run has the ``claim``.
    """
    return Run(
        original.name,
        runnable.task,
        original.args,
        original.kwargs,
        _kept_options(options, runnable),
        retry_of=original.task_id,
        refs=original.refs,
        target=original.refs[0] if original.refs else None,
        submission=submission,
        claim=claim,
    )


def options_for(runnable: Runnable, queue: str, priority: int | None) -> dict[str, Any]:
    """Return the options of a later step, which had this queue and priority of its own, as a signature has them."""
    given = {"queue": queue or None, "priority": priority}
    return _kept_options({name: value for name, value in given.items() if value is not None}, runnable).given()


def _kept_options(options: Mapping[str, Any], runnable: Runnable) -> SendOptions:
    """The place in the line is the same where it may still be chosen; when it runs is now."""
    queues = runnable.choosable_queues
    kept = {name: options[name] for name in ("priority", "queue") if name in options}
    if kept.get("queue") not in queues:
        kept.pop("queue", None)
    try:
        return read_options(kept, queues)
    except BadInput:
        return SendOptions()
