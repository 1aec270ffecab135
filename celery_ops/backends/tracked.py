"""The tracking store as a source of tasks: with any result backend and with none, for as long as ``RETENTION``."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_lazy

from .. import task_query
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import Payload, TaskInfo, TrackedTask
from ..payload.payload import searched_text
from ..sentences import Sentence as _
from ..task_query import Count, Counts, TaskPage, TaskQuery
from ..tracking.accounts import read_payload
from ..tracking.reading import NewestTasks, find_task, find_tasks_wherever
from .base import ListedTaskBackend, TaskBackend

#: How many tasks a list holds at most: the newest. So many of them are read first, then four times as many each time.
NEWEST: Final = 1000
READ_FIRST: Final = 64
#: Seconds for which what was read serves this backend, which is made for each request: a page counts what it lists.
KEPT_FOR: Final = 2.0


class TrackedTaskBackend(ListedTaskBackend):
    """Lists the tracked tasks of all objects, waiting ones included."""

    label = gettext_lazy("Tracked tasks")
    description = gettext_lazy("The newest tasks of tracked objects, from their publish on.")
    data_source = gettext_lazy("tracking store")
    supports_arguments = False
    supports_cost = True
    sorts = (*ListedTaskBackend.sorts, *task_query.BY_COST)

    def __init__(self) -> None:
        self._looks: dict[datetime | None, tuple[float, NewestTasks]] = {}

    def tasks(self) -> Iterable[TaskInfo]:
        return self.tasks_asked_for(TaskQuery())

    def tasks_asked_for(self, query: TaskQuery) -> Iterable[TaskInfo]:
        """A bulk goes through the tasks until its beginning: what is published meanwhile pushes none of them out."""
        return self._newest(query, NEWEST)

    def _newest(self, query: TaskQuery, number: int) -> list[TaskInfo]:
        read_at, look = self._looks.pop(query.until, (float("-inf"), None))
        if look is None or time.monotonic() - read_at > KEPT_FOR:
            read_at, look = float("inf"), NewestTasks(NEWEST, query.until)
        try:
            tasks = [info(task) for task in look.first(number)]
        except StoreUnavailable as error:
            raise BackendUnavailable(_("The tracking store does not answer.")) from error
        self._looks[query.until] = min(read_at, time.monotonic()), look
        return tasks

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        page = self._page(query, cursor=cursor, size=size)
        older = self.get(query.text) if query.text and not (page.tasks or cursor) else None
        return page if older is None else TaskPage((older,))

    def _page(self, query: TaskQuery, *, cursor: str, size: int) -> TaskPage:
        """No more is read than fills the page, and tells that there is a next one.

        A text may be the id of any task, and other orders begin with any.
        """
        number = READ_FIRST if query.sort == task_query.NEWEST_FIRST and not query.text else NEWEST
        while number < NEWEST:
            newest = self._newest(query, number)
            page = task_query.page_of(newest, query, arguments=searched_text, cursor=cursor, size=size)
            if page.next and _are_before(page.tasks[-1], newest):
                return page
            number *= 4
        return super().page(query, cursor=cursor, size=size)

    def counts(self, query: TaskQuery) -> Counts | None:
        """They are at least so many where there are older ones than are listed, which may match as well."""
        others = self._newest(query, NEWEST + 1)[NEWEST:]
        counts = super().counts(query)
        if counts is None or not others or _is_older(others[0], query.since):
            return counts
        states = {state: replace(count, capped=True) for state, count in counts.states.items()}
        return Counts(Count(counts.all.number, capped=True), states)

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


def _are_before(task: TaskInfo, newest: Sequence[TaskInfo]) -> bool:
    """Return whether all that a list has before this task is among these, the newest: not where others that are not
    may be of the same moment, and what nobody timed is behind all."""
    moments = [other.created_at for other in newest]
    return None not in moments and task.created_at != moments[-1]


def _is_older(task: TaskInfo, since: datetime | None) -> bool:
    return since is not None and task.seen_at is not None and task.seen_at < since


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
        told_error=payload.error or task.error,
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
