"""What a task was given, to run it again: as it was kept, never read from texts that were made for showing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from .. import states
from ..conf import conf
from ..databases import storable
from ..exceptions import NotKnown, NotRerunnable
from ..formatting import duration
from ..info import TaskInfo
from ..models import TaskRunRecord
from ..one_state import state_of
from ..running.arguments import check
from ..running.rows import original_arguments
from ..running.wire import plain
from ..sentences import Sentence as _
from ..timezones import aware, milliseconds, now
from ..tracking import accounts, capture
from ..tracking.accounts import KeptArguments
from ..tracking.refs import ObjectRef
from ..tracking.registry import registry
from .merge import merged
from .sources import SourceAnswers, Sources

#: Bytes of Redis's replies are not counted, so the ids asked for at once are.
AT_ONCE: Final = 250


@dataclass(frozen=True, slots=True)
class Original:
    """A task as it can be sent once more. ``refs`` are the objects that it belongs to."""

    task_id: str
    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    refs: tuple[ObjectRef, ...]
    state: str


def original_of(task_id: str, account: accounts.Account | None = None) -> Original:
    """Return a task as it can be sent once more. Raises NotKnown, or NotRerunnable without its arguments.

    ``account`` is what the store has of it, when that was read already.
    """
    answers = Sources(task_id, conf.load("TASK_BACKEND")(), account).ask_origin()
    if not answers.is_empty:
        return original_from(task_id, answers)
    if answers.is_unknown:
        raise NotKnown(task_id)
    raise NotRerunnable(" ".join(answers.troubles))


def original_from(task_id: str, answers: SourceAnswers) -> Original:
    """Return what ``original_of`` does, from what the sources have said already."""
    task = merged(task_id, answers)
    state = task.state
    if answers.records and not (answers.stored or answers.tracked or answers.live):
        state = _state_of_row(answers.records[0])
    refs = answers.refs or tuple(_refs_of_rows(answers.records))
    try:
        return _original(replace(task, state=state), refs, answers.kept, answers.records)
    except NotRerunnable as error:
        if answers.kept is None and answers.troubles:
            raise NotRerunnable(" ".join(answers.troubles), error.name, error.state) from error
        raise


def originals_of(tasks: Sequence[TaskInfo]) -> dict[str, Original | NotRerunnable]:
    """Return many listed tasks as they can be sent once more, by id, or why not. Live workers are not asked.

    The number of round trips is bounded. Raises StoreUnavailable and DatabaseError.
    """
    originals: dict[str, Original | NotRerunnable] = {}
    rows = _rows_of([task.id for task in tasks])
    for begin in range(0, len(tasks), AT_ONCE):
        some = tasks[begin : begin + AT_ONCE]
        kept = accounts.read_kept_of_many({task.id: milliseconds(task.seen_at) for task in some})
        for task in some:
            originals[task.id] = _listed(task, kept.get(task.id), rows.get(task.id, ()))
    return originals


def _listed(task: TaskInfo, kept: KeptArguments | None, rows: Sequence[TaskRunRecord]) -> Original | NotRerunnable:
    heard = replace(task, state=state_of(task, kept, None))
    refs = (kept.refs if kept else ()) or tuple(_refs_of_rows(rows))
    try:
        return _original(heard, refs, kept, rows)
    except NotRerunnable as error:
        return error


def _original(
    task: TaskInfo, refs: tuple[ObjectRef, ...], kept: KeptArguments | None, rows: Sequence[TaskRunRecord]
) -> Original:
    """Whoever says what the task was given says which task it was, too: the name is what permissions go by."""
    name = (kept.name if kept else "") or (rows[0].task_name if rows else "") or task.name
    try:
        args, kwargs = _arguments(replace(task, name=name), kept, rows)
        check(plain([*args, kwargs]))
    except ValueError as error:  # BadInput, too
        raise NotRerunnable(str(error), name, task.state) from error
    return Original(task.id, name, args, kwargs, refs, task.state)


def _arguments(
    task: TaskInfo, kept: KeptArguments | None, rows: Sequence[TaskRunRecord]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Raises ValueError, whose text is the reason."""
    if kept is not None and kept.arguments:
        try:
            whole = capture.kept_arguments(kept.arguments)
        except ValueError as error:
            raise ValueError(_("What was kept of its arguments cannot be read.")) from error
        if whole is not None:
            return whole
    row = next((row for row in rows if row.is_exact), None)
    if row is not None:
        return row.args, row.kwargs
    if (typed := next(filter(None, map(_typed, rows)), None)) is not None:
        return typed
    if rows or (kept is not None and kept.arguments):
        raise ValueError(_("Its arguments were redacted or cut when they were kept, so they cannot be sent again."))
    raise ValueError(_why_not_kept(task, kept))


def _why_not_kept(task: TaskInfo, kept: KeptArguments | None) -> str:
    """Return why nobody has what a task was given."""
    if conf.ARGS_CAPTURE == "none":
        return _("This site keeps no arguments (ARGS_CAPTURE).")
    if kept is not None:
        return _("Its arguments were not kept.")
    has_failed, is_tracked = task.state == states.FAILURE, bool(registry.bindings(task.name))
    if not (has_failed or is_tracked):
        return _("Its arguments were not kept: of tasks that belong to no object only those are that fail.")
    name = "RERUN_RETENTION" if has_failed else "RETENTION"
    kept_for = timedelta(seconds=conf.rerun_seconds if has_failed else conf.retention_seconds)
    last = task.finished_at or task.started_at or task.created_at
    if last is not None and aware(last) < now() - kept_for:
        reason = _("Its arguments were not kept for longer than %(time)s (%(setting)s).")
        return reason % {"time": duration(kept_for), "setting": name}
    return _("Its arguments were not kept: the store was away or emptied, or the worker runs without celery_ops.")


def _typed(row: TaskRunRecord) -> tuple[list[Any], dict[str, Any]] | None:
    if not row.is_typed:
        return None
    return original_arguments(row.task_name, conf.celery_app.tasks.get(row.task_name), row.args, row.kwargs)


def _state_of_row(row: TaskRunRecord) -> str:
    """A run that the broker did not take has ended before it began; of any other one nobody has heard."""
    return states.FAILURE if row.send_state == TaskRunRecord.SendState.FAILED else ""


def _refs_of_rows(rows: Sequence[TaskRunRecord]) -> Iterable[ObjectRef]:
    return [ObjectRef(row.object_type, row.object_id) for row in rows[:1] if row.object_type]


def _rows_of(task_ids: Sequence[str]) -> dict[str, list[TaskRunRecord]]:
    rows: dict[str, list[TaskRunRecord]] = {}
    for row in TaskRunRecord.objects.filter(task_id__in=storable(task_ids)).order_by("-pk"):
        rows.setdefault(row.task_id, []).append(row)
    return rows
