"""Which list of tasks is meant: all of them, those of a failure group, or those of a workflow."""

from collections.abc import Mapping
from typing import Any

from .failures import GroupTaskFilterSet
from .tasks import TaskFilterSet
from .workflows import WorkflowTaskFilterSet


def filterset_for(data: Mapping[str, Any]) -> type[TaskFilterSet]:
    """Return what reads the parameters of this list."""
    if "failure" in data:
        return GroupTaskFilterSet
    return WorkflowTaskFilterSet if "workflow" in data else TaskFilterSet
