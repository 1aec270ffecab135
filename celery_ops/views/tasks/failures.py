"""The arguments of failed tasks, which lists do not read: errors like to repeat them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...backends.base import TaskBackend
from ...info import TaskInfo


def with_arguments(
    backend: TaskBackend, tasks: Sequence[TaskInfo], may_view_payload: Callable[[str], bool]
) -> list[TaskInfo]:
    """Return the tasks, with the arguments of those whose errors this viewer reads. Raises BackendUnavailable.

    It is one more question to the backend where there are any.
    """
    failed = [
        task for task in tasks if task.error and not task.args and not task.kwargs and may_view_payload(task.name)
    ]
    if not failed:
        return list(tasks)
    answered = {task.id: task for task in backend.with_arguments(failed)}
    return [_given(task, answered.get(task.id, task)) for task in tasks]


def _given(task: TaskInfo, answered: TaskInfo) -> TaskInfo:
    """Return the task with the arguments of the answer, which mostly is that task and says so faster."""
    if (answered.state, answered.error, answered.finished_at) == (task.state, task.error, task.finished_at):
        return answered
    return replace(task, args=answered.args, kwargs=answered.kwargs)
