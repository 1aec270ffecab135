"""What every task backend does."""

# ruff: noqa: S101 - asserting is what this module is for

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace

from ..backends.base import TaskBackend
from ..info import TaskInfo
from ..payload import payload
from .base import HOSTILE
from .task_filters import FilterSuite
from .task_paging import PagingSuite
from .task_suite import by_id, everything


class TaskBackendContract(PagingSuite, FilterSuite):
    """The suite of task backends: implement ``make_backend``, and set ``states`` to what the source knows."""

    #: Ids that the source can hold, none of them ordinary.
    odd_ids: Sequence[str] = ("a/b", "a b", "é-😀", "100%", "a?b=c&d#e", "<b>x</b>", "'\"", "\\", "*", "[1]", "..", "0")

    def test_a_task_is_found_by_its_id(self) -> None:
        backend, tasks = self.planted()
        task = backend.get(tasks[3].id)
        assert task is not None
        assert _id_name_state(task) == _id_name_state(tasks[3])

    def test_a_task_of_an_odd_id_is_found_and_no_other(self) -> None:
        tasks = [replace(task, id=id) for task, id in zip(self.tasks(), self.odd_ids, strict=False)]
        backend = self.make_backend(tasks)
        for task in tasks:
            answer = backend.get(task.id)
            assert answer is not None, task.id
            assert _id_name_state(answer) == _id_name_state(task)

    def test_an_unknown_task_is_none(self) -> None:
        backend, tasks = self.planted()
        for id in ("", tasks[0].id[:8], tasks[0].id + "x", *HOSTILE):
            assert backend.get(id) is None, id[:80]

    def test_many_tasks_are_found_by_their_ids(self) -> None:
        backend, tasks = self.planted()
        answers = backend.get_many([*(task.id for task in tasks[:3]), "no-such-task", *HOSTILE])
        assert {id: task.state for id, task in answers.items()} == {task.id: task.state for task in tasks[:3]}

    def test_none_are_found_when_none_are_asked_for(self) -> None:
        backend, _tasks = self.planted()
        assert backend.get_many([]) == {}

    def test_what_the_source_holds_is_read_as_it_was_written(self) -> None:
        backend, tasks = self.planted()
        listed = by_id(backend.page(everything(backend), size=100).tasks)
        for name, supported in _fields(backend):
            for task in tasks:
                wanted = getattr(task, name) if supported else None
                for answer in (listed[task.id], backend.get(task.id)):
                    assert getattr(answer, name) == wanted, (name, supported, task.state)

    def test_arguments_are_known_where_they_are_searched(self) -> None:
        backend, tasks = self.planted()
        if backend.supports_arguments:
            task = backend.get(tasks[0].id)
            assert task is not None
            assert "Lovelace" in payload.arguments_text(task)

    def test_what_it_hands_out_cannot_be_changed(self) -> None:
        backend, _tasks = self.planted()
        task = backend.page(everything(backend)).tasks[0]
        try:
            task.name = "changed"  # type: ignore[misc]  # that it cannot be is the point
        except FrozenInstanceError:
            return
        raise AssertionError("a task is not frozen")


def _id_name_state(task: TaskInfo) -> tuple[str, str, str]:
    return task.id, task.name, task.state


def _fields(backend: TaskBackend) -> tuple[tuple[str, bool], ...]:
    return (
        ("worker", backend.supports_worker),
        ("queue", backend.supports_queue),
        ("created_at", backend.supports_created),
        ("started_at", backend.supports_started),
        ("finished_at", backend.supports_finished),
    )
