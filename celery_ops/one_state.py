"""One task has one state, wherever it is shown: what a stored result, tracking and live workers come to together."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from django.utils.translation import gettext as _

from . import states
from .info import TaskInfo, TrackedTask


class TrackedState(Protocol):
    """What tracking says of a task's newest publish."""

    @property
    def state(self) -> str: ...
    @property
    def published_at(self) -> datetime | None: ...
    @property
    def executions(self) -> int: ...


def state_of(stored: TaskInfo | None, tracked: TrackedState | None, live: TaskInfo | None) -> str:
    """Return the state that all of them together come to.

    An end counts wherever it was heard of; of two ends that tracking knows, unless the row says that it succeeded. A
    run that a worker reports now goes before what is kept of it, and tracking before a result row: the row of a worker
    that was killed says STARTED for ever, and that of an earlier task with this id says nothing at all.
    """
    stored = of_this_life(stored, tracked)
    if end := _end(stored, tracked, live):
        return end
    kept_state = _kept(stored, tracked)
    if live is not None and live.state == states.STARTED:
        return kept_state if states.is_custom(kept_state) else states.STARTED
    return live.state if live is not None and kept_state in (states.PENDING, states.LOST) else kept_state


def of_this_life(stored: TaskInfo | None, tracked: TrackedState | None) -> TaskInfo | None:
    """Return the task of a result row, None when it is that of an earlier publish under this id, or no worker's."""
    if stored is None or tracked is None:
        return stored
    heard, published = stored.finished_at or stored.started_at, tracked.published_at
    is_noted = published is not None and stored.created_at == published  # its worker's clock may be behind
    if heard and published and heard < published and not is_noted and not states.is_final(tracked.state):
        return None
    is_confirmed = states.is_confirmed(stored.name, stored.worker, is_extended=True)
    return None if stored.state == states.REVOKED and not is_confirmed else stored


def _end(stored: TaskInfo | None, tracked: TrackedState | None, live: TaskInfo | None) -> str | None:
    ends = [task.state for task in (tracked, stored, live) if task is not None and states.is_final(task.state)]
    return states.SUCCESS if states.SUCCESS in ends else next(iter(ends), None)


def _kept(stored: TaskInfo | None, tracked: TrackedState | None) -> str:
    row = stored.state if stored is not None else states.PENDING
    if tracked is None or (tracked.state == states.PENDING and not tracked.executions):
        return row
    if tracked.state == states.STARTED and states.is_custom(row):  # the task itself says how far it is
        return row
    return tracked.state


def with_tracked(stored: TaskInfo, tracked: TrackedTask) -> TaskInfo:
    """Return a listed task with what tracking knows better: its state, its times, and what its row leaves out."""
    state = state_of(stored, tracked, None)
    row = of_this_life(stored, tracked) or TaskInfo(stored.id, stored.name)
    return replace(
        row,
        state=state,
        name=tracked.name or row.name,
        worker=tracked.worker or row.worker,
        created_at=tracked.published_at or row.created_at,
        started_at=None if waits(state) else tracked.started_at or row.started_at,
        finished_at=(tracked.finished_at or row.finished_at) if states.is_final(state) else None,
        error=(error := error_of(state, row, tracked)),
        told_error=told_error_of(state, error, tracked),
        attempts=tracked.attempts,
        parent_id=row.parent_id or tracked.parent_id,
        stored_at=stored.stored_at,
        revoke_requested_at=tracked.revoke_requested_at or row.revoke_requested_at,
        cpu_seconds=tracked.cpu_seconds,
        peak_memory=tracked.peak_memory,
        started_by=tracked.started_by,
        executions=tracked.executions,
    )


def waits(state: str) -> bool:
    """Return whether a task in ``state`` has yet to begin, for the first time or again after it was given back."""
    return state in (states.PENDING, states.RECEIVED)


def error_of(state: str, stored: TaskInfo | None, tracked: TrackedTask | None) -> str | None:
    """Return what went wrong with a task that is in ``state``, or what interrupted it."""
    row, told = stored.error if stored else None, tracked.error if tracked else None
    if state == states.SUCCESS:  # an earlier attempt's error is no longer the task's
        return None
    if waits(state):
        return told
    if state == states.LOST:
        is_cut = (row or "").partition(":")[0] == states.CUT_SHORT
        return told or ("Interrupted: " + _("its worker was shut down while it ran") if is_cut else None)
    # The worker knew all that the task was given, and so what its message must not repeat.
    is_tracked_end = tracked is not None and tracked.state == state
    return fuller(told, row) if is_tracked_end else fuller(row, told)


def told_error_of(state: str, error: str | None, tracked: TrackedTask | None) -> str | None:
    """Return what of an error of ``error_of`` its worker told, or our own words for what interrupted it."""
    if state == states.LOST or waits(state):
        return error
    return tracked.error if tracked is not None and tracked.state == state else None


def fuller(error: str | None, other: str | None) -> str | None:
    """Return the first error, or the second one where that has the words that the first lacks."""
    if error and other and ":" not in error and other.startswith(f"{error}:"):
        return other
    return error or other
