"""The tasks of a workflow wherever tasks are listed: those that are to come, too, so that all of it can be revoked."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from django.utils.translation import gettext_lazy as _

from ..backends.base import ListedTaskBackend, TaskBackend
from ..backends.selection import SelectedTasks
from ..exceptions import BackendUnavailable
from ..info import TaskInfo
from ..task_query import TaskPage, TaskQuery
from .reading import workflow_of
from .workflow import Workflow


class WorkflowTaskBackend(SelectedTasks, ListedTaskBackend):
    """The tasks of one workflow, by the id of any of them; another backend says what is in their results.

    A workflow that nobody knows has none.
    """

    label = _("Workflow")
    description = _("The tasks of one workflow, those that are to come, too.")
    supports_worker = supports_queue = supports_arguments = supports_started_by = False

    def __init__(self, backend: TaskBackend, task_id: str) -> None:
        self.select_from(backend)
        self.task_id = task_id

    @cached_property
    def workflow(self) -> Workflow | None:
        """The workflow as it is when it is first asked for. Raises BackendUnavailable."""
        return workflow_of(self.task_id)

    def tasks(self) -> Iterable[TaskInfo]:
        return _infos(self.workflow) if self.workflow is not None else ()

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        page = super().page(query, cursor=cursor, size=size)
        return replace(page, tasks=tuple(self._with_rows(page.tasks)))

    def _with_rows(self, tasks: Sequence[TaskInfo]) -> Iterable[TaskInfo]:
        try:
            rows = self.backend.get_many([task.id for task in tasks])
        except BackendUnavailable:
            rows = {}
        for task in tasks:
            row = rows.get(task.id, task)
            yield replace(row, name=task.name or row.name, state=task.state, created_at=task.created_at)


def _infos(workflow: Workflow) -> Iterable[TaskInfo]:
    """Its tasks; what is to come was asked for when the first of them was published."""
    begun = min(filter(None, (task.published_at for task in workflow.tasks)), default=None)
    for task in workflow.tasks:
        if task.task_id:
            yield TaskInfo(
                task.task_id,
                task.name,
                task.state,
                created_at=task.published_at or begun,
                started_at=task.started_at,
                finished_at=task.finished_at,
                parent_id=task.parent_id or None,
            )
