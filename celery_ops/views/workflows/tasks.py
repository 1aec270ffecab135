"""The tasks of one workflow, or of one failure group, wherever tasks are listed."""

from collections.abc import Mapping

from ...backends.base import TaskBackend
from ...workflows.tasks import WorkflowTaskBackend
from ..absent import no_workflow
from ..failures.tasks import within_group, within_group_or_nothing


def within(backend: TaskBackend, data: Mapping[str, str]) -> TaskBackend:
    """Return a backend of the tasks alone that ``data`` keeps a list to. Raises Http404 and BackendUnavailable."""
    if not data.get("workflow"):
        return within_group(backend, data.get("failure", ""))
    narrowed = WorkflowTaskBackend(backend, data["workflow"])
    if narrowed.workflow is None:
        raise no_workflow()
    return narrowed


def within_or_nothing(backend: TaskBackend, data: Mapping[str, str]) -> TaskBackend:
    """Return the same, a backend without tasks for what nobody knows any more."""
    if data.get("workflow"):
        return WorkflowTaskBackend(backend, data["workflow"])
    return within_group_or_nothing(backend, data.get("failure", ""))
