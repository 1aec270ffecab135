"""What the suites of task backends share: what is planted, and how answers are read."""

# ruff: noqa: S101 - asserting is what this module is for

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from .. import states
from ..backends.base import TaskBackend
from ..info import TaskInfo
from ..task_query import TaskPage, TaskQuery
from .base import BackendContract, planted_task

#: More pages than any list here has.
MOST_PAGES = 100


class TaskSuite(BackendContract):
    """What is planted, and what is counted and found of it."""

    #: At least two states that the source can hold.
    states: Sequence[str] = (states.SUCCESS, states.FAILURE, states.STARTED)

    def make_backend(self, tasks: Sequence[TaskInfo]) -> TaskBackend:
        """Return the backend over a source that holds exactly these tasks; they come oldest first."""
        raise NotImplementedError

    def tasks(self) -> list[TaskInfo]:
        """Return what is planted: 24 tasks of every state, worker, queue and name, two of them created at once."""
        return [planted_task(number, self.states[number % len(self.states)]) for number in range(24)]

    def planted(self) -> tuple[TaskBackend, list[TaskInfo]]:
        """Return a backend over what is planted, and that."""
        tasks = self.tasks()
        return self.make_backend(tasks), tasks

    def _finds(self, condition: Callable[[TaskInfo], bool], **filters: Any) -> None:
        """The filters find the planted tasks for which ``condition`` holds, and no others."""
        backend, tasks = self.planted()
        assert ids_of(backend, **filters) == ids(task for task in tasks if condition(task))

    def _counts(self, condition: Callable[[TaskInfo], bool], **filters: Any) -> None:
        """The backend counts the planted tasks for which ``condition`` holds, if it counts at all."""
        backend, tasks = self.planted()
        counts = backend.counts(replace(everything(backend), **filters))
        if counts is None:
            return
        wanted = [task.state for task in tasks if condition(task)]
        numbers = {state: count.number for state, count in counts.states.items() if count.number}
        assert numbers == {state: wanted.count(state) for state in set(wanted)}
        assert (counts.all.number, counts.all.capped) == (len(wanted), False)


def everything(backend: TaskBackend) -> TaskQuery:
    """Everything, in the order that the backend's list begins with."""
    return TaskQuery(sort=backend.sorts[0]) if backend.sorts else TaskQuery()


def forward(backend: TaskBackend, query: TaskQuery, size: int) -> Iterator[TaskPage]:
    """Yield all pages, the first one first."""
    page = backend.page(query, size=size)
    yield page
    yield from following(backend, query, size, page, "next")


def following(backend: TaskBackend, query: TaskQuery, size: int, page: TaskPage, cursor: str) -> Iterator[TaskPage]:
    """Yield the pages after this one, by their ``next`` or their ``previous``."""
    for _ in range(MOST_PAGES):
        if getattr(page, cursor) is None:
            return
        page = backend.page(query, cursor=getattr(page, cursor), size=size)
        assert page.tasks, f"a page that another one promised by its {cursor} is empty"
        yield page
    raise AssertionError(f"paging by {cursor} does not end")


def walk(backend: TaskBackend, query: TaskQuery, size: int = 10) -> list[str]:
    """Return the ids on all pages, in their order."""
    return [id for page in forward(backend, query, size) for id in page_ids(page)]


def ids_of(backend: TaskBackend, **filters: Any) -> set[str]:
    return set(walk(backend, replace(everything(backend), **filters)))


def page_ids(page: TaskPage) -> list[str]:
    return [task.id for task in page.tasks]


def ids(tasks: Iterable[TaskInfo]) -> set[str]:
    return {task.id for task in tasks}


def by_id(tasks: Iterable[TaskInfo]) -> dict[str, TaskInfo]:
    return {task.id: task for task in tasks}


def created(task: TaskInfo) -> datetime:
    assert task.created_at is not None
    return task.created_at
