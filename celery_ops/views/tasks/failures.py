"""What failed tasks of a list were given, which lists do not read: errors like to repeat it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...backends.base import TaskBackend
from ...info import TaskInfo
from ...payload.kept import all_with_kept


def with_arguments(
    backend: TaskBackend, tasks: Sequence[TaskInfo], may_view_payload: Callable[[str], bool]
) -> list[TaskInfo]:
    """Return the tasks, with the arguments of those whose errors this viewer reads. Raises BackendUnavailable.

    It is one more question to the backend where there are any, and of errors that no worker told one to store and
    journal.
    """
    failed = [task for task in tasks if task.error and may_view_payload(task.name)]
    lacking = [task for task in failed if not (task.args or task.kwargs)]
    answered = {task.id: task for task in (backend.with_arguments(lacking) if lacking else ())}
    given = {task.id: _given(task, answered.get(task.id, task)) for task in failed}
    given |= {task.id: task for task in all_with_kept([*given.values()], errors_alone=True)}
    return [given.get(task.id, task) for task in tasks]


def _given(task: TaskInfo, answered: TaskInfo) -> TaskInfo:
    """Return the task with the arguments of the answer, which mostly is that task and says so faster."""
    if (answered.state, answered.error, answered.finished_at) == (task.state, task.error, task.finished_at):
        return answered
    return replace(task, args=answered.args, kwargs=answered.kwargs)
