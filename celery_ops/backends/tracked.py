"""The tracking store as a source of tasks: with any result backend and with none, for as long as ``RETENTION``."""

import json
from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext_lazy

from .. import task_query
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import Payload, TaskInfo, TrackedTask
from ..sentences import Sentence as _
from ..task_query import TaskPage, TaskQuery
from ..tracking.accounts import read_payload
from ..tracking.reading import find_task, find_tasks_wherever, newest_tasks
from .base import ListedTaskBackend, TaskBackend

#: How many tasks a list holds at most: the newest.
NEWEST: Final = 1000


class TrackedTaskBackend(ListedTaskBackend):
    """Lists the tracked tasks of all objects, waiting ones included."""

    label = gettext_lazy("Tracked tasks")
    description = gettext_lazy("The newest tasks of tracked objects, from their publish on.")
    data_source = gettext_lazy("tracking store")
    supports_arguments = False
    supports_cost = True
    sorts = (*ListedTaskBackend.sorts, *task_query.BY_COST)

    def tasks(self) -> Iterable[TaskInfo]:
        return self.tasks_asked_for(TaskQuery())

    def tasks_asked_for(self, query: TaskQuery) -> Iterable[TaskInfo]:
        """A bulk goes through the tasks until its beginning: what is published meanwhile pushes none of them out."""
        try:
            return [info(task) for task in newest_tasks(NEWEST, query.until)]
        except StoreUnavailable as error:
            raise BackendUnavailable(_("The tracking store does not answer.")) from error

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        page = super().page(query, cursor=cursor, size=size)
        older = self.get(query.text) if query.text and not (page.tasks or cursor) else None
        return page if older is None else TaskPage((older,))

    def get(self, task_id: str) -> TaskInfo | None:
        try:
            tracked = find_task(task_id)
            if not tracked:
                return None
            ref, task = tracked[0]
            return info(task, read_payload(ref, task_id))
        except StoreUnavailable as error:
            raise BackendUnavailable(_("The tracking store does not answer.")) from error

    def get_many(self, task_ids: Iterable[str]) -> dict[str, TaskInfo]:
        """Each is looked up: all that is listed would be read for a few, and older ones would not be found."""
        try:
            return {task.id: info(task) for task in find_tasks_wherever(task_ids).values()}
        except StoreUnavailable as error:
            raise BackendUnavailable(_("The tracking store does not answer.")) from error

    complete = TaskBackend.complete  # its list leaves the payload out


def info(task: TrackedTask, payload: Payload | None = None) -> TaskInfo:
    """Return a tracked task as a list knows it."""
    payload = payload or Payload()
    args, kwargs = _arguments(payload.args)
    return TaskInfo(
        id=task.id,
        name=task.name,
        state=task.state,
        worker=task.worker,
        created_at=task.published_at,
        stored_at=task.published_at or task.started_at,
        started_at=task.started_at,
        finished_at=task.finished_at,
        eta=task.eta,
        error=payload.error or task.error,
        attempts=task.attempts,
        args=args,
        kwargs=kwargs,
        result=payload.result,
        traceback=payload.traceback,
        parent_id=task.parent_id,
        started_by=task.started_by,
        schedule=task.schedule,
        executions=task.executions,
        cpu_seconds=task.cpu_seconds,
        peak_memory=task.peak_memory,
    )


def _arguments(text: str | None) -> tuple[object, object]:
    """What was kept is ``{"args": [...], "kwargs": {...}}``, or a text when that was too long."""
    try:
        kept = json.loads(text or "null")
        return kept["args"], kept["kwargs"]
    except (ValueError, TypeError, KeyError):
        return text, None
