"""A workflow by the id of any of its tasks: what tracking knows, and of what nobody tracked, what results say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from .. import states
from ..backends.caching import Shared
from ..conf import conf
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import TaskInfo
from ..logs import get_logger
from ..sentences import Sentence as _
from ..tracking import prefix
from ..tracking.workflows.members import Member, membership
from .workflow import Glance, Workflow

logger = get_logger("celery_ops.workflows")

#: Tasks that tracking has not heard of, and whose results are looked up.
MOST_UNHEARD: Final = 1000
#: Seconds for which how far a workflow is serves every viewer.
SHARED_FOR: Final = 1.0


def workflow_of(task_id: str, *, with_canvases: bool = False) -> Workflow | None:
    """Return the workflow that a task is part of, published or not; None where it is in none that is known.

    ``with_canvases`` it has what is kept for sending the whole once more.

    Four round trips at most, and one query for tasks that nobody tracked. Raises BackendUnavailable while the store
    does not answer; results that do not answer are left out.
    """
    try:
        known = membership(task_id, with_canvases=with_canvases)
    except StoreUnavailable as error:
        raise BackendUnavailable(_("The tracking store does not answer.")) from error
    return None if known is None else Workflow.of(known, _with_results(known.members))


def glance_at(task_id: str) -> Glance | None:
    """Return how far the workflow of a task is, a second old at most: many may look at one bar.

    None for a task in none that is known. Raises BackendUnavailable.
    """
    try:
        whose = prefix.current()
    except StoreUnavailable as error:
        raise BackendUnavailable(_("The tracking store does not answer.")) from error
    return _glances.get((whose, task_id), lambda: _glance(task_id))


def forget() -> None:
    """Have who looks next see how it is now."""
    _glances.forget()


_glances: Shared[Glance | None] = Shared(SHARED_FOR, most=500)


def _glance(task_id: str) -> Glance | None:
    workflow = workflow_of(task_id)
    return None if workflow is None else Glance(workflow.progress, workflow.refs)


def _with_results(members: Sequence[Member]) -> Sequence[Member]:
    """Add what results say of tasks that tracking has not heard of: their publisher may not have tracked them."""
    unheard = [member.task_id for member in members if _is_unheard(member)][:MOST_UNHEARD]
    rows = _rows(unheard) if unheard else {}
    return [_told(member, rows.get(member.task_id)) for member in members] if rows else members


def _is_unheard(member: Member) -> bool:
    return bool(member.task_id) and not (member.published_at or member.started_at)


def _rows(task_ids: Sequence[str]) -> Mapping[str, TaskInfo]:
    backend = conf.load("TASK_BACKEND")()
    try:
        return {} if backend.is_live else backend.get_many(task_ids)
    except BackendUnavailable as error:
        logger.warning("The results of a workflow's untracked tasks are missing: %s", error)
        return {}


def _told(member: Member, row: TaskInfo | None) -> Member:
    """Celery writes a failed result for a chord's body, and for the rest of a chain, that will never be published."""
    if row is None or (row.state in (states.FAILURE, states.REVOKED) and not row.worker):
        return member
    return replace(
        member,
        name=member.name or row.name,
        state=row.state,
        published=True,
        published_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
