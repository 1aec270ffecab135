"""One task once more, or a few: the policy, the arguments that it had, the journal, the send."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.db import DatabaseError
from django.utils.translation import gettext as _

from ..backends.results_conditions import storable
from ..details.original import NotKnown, NotRepeatable, Original, original_of
from ..models import TaskRunRecord
from ..running.allowlist import Runnable, allowed_names, options_of
from ..running.errors import BadInput, NotSent
from ..running.launcher import Run, launch
from ..running.options import SendOptions, read_options
from ..tracking.facts import short_id
from .allowed import Refused, check_fits, check_over, permitted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one id: its ``record``, or why there is none. ``error`` is what was raised."""

    task_id: str
    record: TaskRunRecord | None = None
    reason: str = ""
    error: Exception | None = None


def repeat(task_id: str, user: Any, *, submission: UUID | None = None) -> TaskRunRecord:
    """Run a task again for ``user`` and return its row, SENT.

    The same ``submission`` sends a task once, however often it comes. Raises NotKnown, Refused and NotSent.
    """
    try:
        original = original_of(task_id)
    except NotRepeatable as error:
        if error.name:
            permitted(error.name, user)
        if error.state:
            check_over(error.state)
        raise Refused(error.reason) from error
    found = permitted(original.name, user)
    check_over(original.state)
    check_fits(found, original.args, original.kwargs)
    try:
        return launch(run_of(original, found, submission, chosen([task_id]).get(task_id, {})), user)
    except BadInput as error:
        raise Refused(str(error)) from error


def chosen(task_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return the options that people chose for runs of theirs, by task id; none while the journal is away."""
    rows = TaskRunRecord.objects.filter(task_id__in=storable(task_ids)).order_by("pk")
    try:
        return dict(rows.values_list("task_id", "options"))
    except DatabaseError:
        return {}


def asking(task_ids: Iterable[str], user: Any) -> list[tuple[str, Runnable]]:
    """Return those of the tasks that ``RUNNABLE_TASKS`` wants confirmed, as far as ``user`` may run them again."""
    if not any(options_of(name).get("confirm") for name in allowed_names()):
        return []
    found = ((task_id, _permitted_again(task_id, user)) for task_id in task_ids)
    return [(task_id, runnable) for task_id, runnable in found if runnable is not None and runnable.confirm]


def _permitted_again(task_id: str, user: Any) -> Runnable | None:
    try:
        return permitted(original_of(task_id).name, user)
    except (NotKnown, NotRepeatable, Refused):  # it says so itself when it is run again
        return None


def run_of(original: Original, found: Runnable, submission: UUID | None, options: Mapping[str, Any]) -> Run:
    """Return the run that is ``original`` once more, which had these ``options``."""
    return Run(
        original.name,
        found.task,
        original.args,
        original.kwargs,
        _options(options, found),
        retry_of=original.task_id,
        refs=original.refs,
        target=original.refs[0] if original.refs else None,
        submission=submission and key(submission, original.task_id),
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


def repeat_all(task_ids: Iterable[str], user: Any, *, submission: UUID | None = None) -> list[Outcome]:
    """Run some tasks again, each for itself. Once the broker or the journal refuses, the rest is not tried."""
    outcomes: list[Outcome] = []
    away: NotSent | None = None
    for task_id in dict.fromkeys(task_ids):
        outcomes.append(_outcome(task_id, user, submission, away))
        if isinstance(outcomes[-1].error, NotSent):
            away = outcomes[-1].error
    return outcomes


def _outcome(task_id: str, user: Any, submission: UUID | None, away: NotSent | None) -> Outcome:
    if away is not None:
        return Outcome(task_id, reason=str(away), error=away)
    try:
        return Outcome(task_id, repeat(task_id, user, submission=submission))
    except NotKnown as error:
        return Outcome(task_id, reason=_("No source knows a task of this id."), error=error)
    except (Refused, NotSent) as error:
        return Outcome(task_id, reason=str(error), error=error)
