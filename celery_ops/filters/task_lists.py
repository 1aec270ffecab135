"""Which list of tasks is meant: all of them, those of a failure group, or those of a workflow."""

from collections.abc import Mapping
from typing import Any

from ..backends.base import TaskBackend
from ..failures.group import Group
from ..failures.listing import group_of
from ..failures.members import GroupTaskBackend
from ..workflows.tasks import WorkflowTaskBackend
from .failures import GroupTaskFilterSet
from .tasks import TaskFilterSet
from .workflows import WorkflowTaskFilterSet


def filterset_for(data: Mapping[str, Any]) -> type[TaskFilterSet]:
    """Return what reads the parameters of this list."""
    if "failure" in data:
        return GroupTaskFilterSet
    return WorkflowTaskFilterSet if "workflow" in data else TaskFilterSet


def narrowed_backend(backend: TaskBackend, data: Mapping[str, str]) -> TaskBackend | None:
    """Return a backend of the tasks alone that ``data`` keeps a list to; None where nobody knows what that is.

    Raises BackendUnavailable.
    """
    if task_id := data.get("workflow"):
        tasks = WorkflowTaskBackend(backend, task_id)
        return None if tasks.workflow is None else tasks
    if key := data.get("failure"):
        group = group_of(key)
        return None if group is None else GroupTaskBackend(backend, group)
    return backend


def narrowed_backend_or_empty(backend: TaskBackend, data: Mapping[str, str]) -> TaskBackend:
    """Return what ``narrowed_backend`` does, and a backend without tasks for what nobody knows any more."""
    if task_id := data.get("workflow"):
        return WorkflowTaskBackend(backend, task_id)
    if key := data.get("failure"):
        return GroupTaskBackend(backend, group_of(key) or Group(key, ""))
    return backend
