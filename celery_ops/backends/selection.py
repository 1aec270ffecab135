"""A list that is a selection of another backend's tasks."""

from collections.abc import Iterable, Sequence

from ..info import TaskInfo
from .base import TaskBackend


class SelectedTasks(TaskBackend):
    """What is known of single tasks is what ``backend`` knows of them; which are listed, and how, is the subclass's."""

    backend: TaskBackend

    def select_from(self, backend: TaskBackend) -> None:
        """List some of this backend's tasks, as old and as live as it tells of them."""
        self.backend, self.data_source = backend, backend.data_source
        self.is_live, self.tells_own_states = backend.is_live, backend.tells_own_states

    def get(self, task_id: str) -> TaskInfo | None:
        return self.backend.get(task_id)

    def get_many(self, task_ids: Iterable[str]) -> dict[str, TaskInfo]:
        return self.backend.get_many(task_ids)

    def complete(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        return self.backend.complete(tasks)

    def with_arguments(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        return self.backend.with_arguments(tasks)
