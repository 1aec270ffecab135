"""From what each source says of a task to one account of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from .. import payload, redaction, states
from ..info import Payload, TaskInfo, TrackedTask
from .sources import Known


def state_of(stored: TaskInfo | None, tracked: TrackedTask | None, live: TaskInfo | None) -> str:
    """Return the state that all of them together come to.

    An end counts wherever it was heard of, a run that a worker reports now before what is kept of it, and tracking
    before a result row: the row of a worker that was killed says STARTED for ever.
    """
    said = [task.state for task in (stored, tracked, live) if task is not None]
    if ends := [state for state in said if states.is_final(state)]:
        return max(ends, key=states.FINAL_ORDER.index)
    if live is not None and live.state == states.STARTED:
        return states.STARTED
    kept = _kept(stored, tracked)
    return live.state if live is not None and kept in (states.PENDING, states.LOST) else kept


def _kept(stored: TaskInfo | None, tracked: TrackedTask | None) -> str:
    row = stored.state if stored is not None else states.PENDING
    if tracked is None or tracked.state == states.PENDING:
        return row
    if tracked.state == states.STARTED and row not in states.ALL:  # the task itself says how far it is
        return row
    return tracked.state


def merged(task_id: str, known: Known) -> TaskInfo:
    """Return all that is known of the task, raw."""
    stored, tracked, live = known.stored, known.tracked, known.live
    state = state_of(stored, tracked, live)
    values = _First(stored, live)
    failed = state != states.SUCCESS  # an earlier attempt's error is no longer the task's
    return TaskInfo(
        id=task_id,
        name=next((text for text in _names(known) if text), ""),
        state=state,
        worker=_First(live, tracked, stored).of("worker"),
        queue=_First(stored, live).of("queue"),
        created_at=min(_times(known, "created_at", "published_at"), default=None),
        started_at=max(_times(known, "started_at"), default=None),
        finished_at=_First(tracked, stored).of("finished_at") if states.is_final(state) else None,
        eta=_First(live, stored).of("eta"),
        error=_First(stored, tracked).of("error") if failed else None,
        attempts=max((task.attempts or 0 for task in (stored, tracked, live) if task is not None), default=0) or None,
        args=values.of("args"),
        kwargs=values.of("kwargs"),
        result=values.of("result"),
        traceback=values.of("traceback") if failed else None,
        parent_id=_First(stored, tracked, live).of("parent_id"),
        root_id=values.of("root_id"),
        children=stored.children if stored is not None else (),
    )


def payload_of(task: TaskInfo, tracked: Payload) -> Payload:
    """Return the task's payload for viewers with ``view_payload``: what its sources hold, else what was tracked."""
    shown = payload.shown(task)
    if task.state == states.SUCCESS:
        return Payload(args=shown.args or tracked.args, result=shown.result or tracked.result)
    return Payload(
        args=shown.args or tracked.args,
        result=shown.result or tracked.result,
        error=shown.error or redaction.capture_text(tracked.error).text or None,
        traceback=shown.traceback or redaction.capture_text(tracked.traceback, tail=True).text or None,
    )


class _First:
    """The first of several sources that knows something."""

    def __init__(self, *sources: Any) -> None:
        self.sources = [source for source in sources if source is not None]

    def of(self, name: str) -> Any:
        return next((value for source in self.sources if (value := getattr(source, name)) is not None), None)


def _names(known: Known) -> Iterable[str]:
    for task in (known.stored, known.tracked, known.live):
        if task is not None:
            yield task.name
    for record in known.records:
        yield record.task_name


def _times(known: Known, *names: str) -> list[datetime]:
    sources = [task for task in (known.stored, known.tracked, known.live) if task is not None]
    times = [getattr(task, name, None) for task in sources for name in names]
    return [time for time in times if time is not None]
