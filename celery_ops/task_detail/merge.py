"""From what each source says of a task to one account of it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from .. import redaction, states
from ..info import Payload, TaskInfo, TrackedTask
from ..one_state import error_of, of_this_life, state_of, told_error_of, waits
from ..payload import payload
from ..payload.kept import with_kept
from ..timezones import believed_start
from .sources import SourceAnswers


def merged(task_id: str, answers: SourceAnswers) -> TaskInfo:
    """Return all that is known of the task, raw."""
    tracked, live = answers.tracked, answers.live
    stored = of_this_life(answers.stored, tracked)
    state = state_of(stored, tracked, live)
    values = _First(stored, live)
    created = tracked.published_at if tracked is not None else None
    finished = _First(tracked, stored).of("finished_at") if states.is_final(state) else None
    created = created or min(_times(stored, live, name="created_at"), default=None)
    waiting = waits(state)
    worker = _First(live) if waiting else _First(live, tracked, stored)
    return TaskInfo(
        id=task_id,
        name=next((text for text in _names(answers) if text), ""),
        state=state,
        worker=worker.of("worker"),
        queue=_First(stored, live).of("queue"),
        created_at=created,
        started_at=None if waiting else _started(stored, tracked, live, created=created, ended=finished),
        finished_at=finished,
        eta=_First(live, stored, tracked).of("eta"),
        error=(error := error_of(state, stored, tracked)),
        told_error=told_error_of(state, error, tracked),
        attempts=max((task.attempts or 0 for task in (stored, tracked, live) if task is not None), default=0) or None,
        args=values.of("args"),
        kwargs=values.of("kwargs"),
        result=values.of("result"),
        traceback=values.of("traceback") if state != states.SUCCESS else None,
        parent_id=_First(stored, tracked, live).of("parent_id"),
        schedule=_First(tracked, stored, live).of("schedule"),
        root_id=values.of("root_id"),
        # Celery counts a task that is tried again among its own children.
        children=tuple(child for child in stored.children if child != task_id) if stored is not None else (),
        cpu_seconds=tracked.cpu_seconds if tracked is not None else None,
        peak_memory=tracked.peak_memory if tracked is not None else None,
        meta=values.of("meta") if not states.is_final(state) else None,
    )


def _started(
    stored: TaskInfo | None,
    tracked: TrackedTask | None,
    live: TaskInfo | None,
    *,
    created: datetime | None,
    ended: datetime | None,
) -> datetime | None:
    """What tracking knows wins; a row's start by a clock of another zone contradicts its other times."""
    if tracked is not None and tracked.started_at is not None:
        return max(_times(tracked, live, name="started_at"))
    starts = _times(live, name="started_at")
    row = believed_start(stored.started_at if stored is not None else None, created=created, ended=ended)
    if row is not None:
        starts.append(row)
    return max(starts, default=None)


def payload_of(task: TaskInfo, answers: SourceAnswers) -> Payload:
    """Return the task's payload for viewers with ``view_payload``: what its sources hold, else what was tracked.

    What was tracked goes first where nobody has all arguments: the worker knew what the outcome must not repeat.
    """
    tracked, told = answers.payload, with_kept(task, answers.kept, answers.records)
    args, shown = payload.arguments_text(task) or tracked.args, payload.shown(told)
    if not payload.knows_arguments(told):
        shown = replace(shown, result=tracked.result or shown.result, traceback=tracked.traceback or shown.traceback)
    if task.state == states.SUCCESS:
        return Payload(args=args, result=shown.result or tracked.result)
    return Payload(
        args=args,
        result=shown.result or tracked.result,
        error=shown.error or redaction.capture_text(tracked.error).text or None,
        traceback=shown.traceback or redaction.capture_text(tracked.traceback, tail=True).text or None,
        meta=shown.meta,
    )


class _First:
    """The first of several sources that knows something."""

    def __init__(self, *sources: Any) -> None:
        self.sources = [source for source in sources if source is not None]

    def of(self, name: str) -> Any:
        return next((value for source in self.sources if (value := getattr(source, name)) is not None), None)


def _names(answers: SourceAnswers) -> Iterable[str]:
    for task in (answers.stored, answers.tracked, answers.live):
        if task is not None:
            yield task.name
    for record in answers.records:
        yield record.task_name


def _times(*sources: Any, name: str) -> list[datetime]:
    times = [getattr(task, name) for task in sources if task is not None]
    return [time for time in times if time is not None]
