"""The tasks of one workflow, or of one failure group, wherever tasks are listed."""

from collections.abc import Mapping

from ...backends.base import TaskBackend
from ...filters.task_lists import narrowed_backend
from ..not_found import no_group, no_workflow


def narrowed_or_404(backend: TaskBackend, data: Mapping[str, str]) -> TaskBackend:
    """Return a backend of the tasks alone that ``data`` keeps a list to. Raises Http404 and BackendUnavailable."""
    tasks = narrowed_backend(backend, data)
    if tasks is None:
        raise no_workflow() if data.get("workflow") else no_group()
    return tasks
