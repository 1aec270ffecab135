"""What the page of a task and the list offer for revoking, and what became of an earlier request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from django.urls import reverse

from ... import states
from ...conf import conf
from ...control.revoke import SIGNALS, cannot_stop, is_id
from ...filters.tasks import TaskFilterSet
from ...permissions import REVOKE_TASK, allows
from ...task_detail import TaskDetail
from ...task_query import Counts
from .rerun import AgainList, again_of_list

#: States in which a process runs the task, as far as anybody knows.
RUNNING: Final = frozenset({states.STARTED, states.LOST})


@dataclass(frozen=True, slots=True)
class RevokeOffer:
    """To revoke a task is to have it not begun (again), to stop one that runs is to end its process.

    ``submission`` makes a second click no second request; ``cannot_stop`` says why it cannot be stopped although it
    runs.
    """

    task_id: str
    is_running: bool
    submission: UUID
    signals: Sequence[str] = SIGNALS
    cannot_stop: str = ""


def revoke_of(detail: TaskDetail, user: Any) -> RevokeOffer | None:
    """Return what ``user`` may do; None when the task is over, and for those whom the policy refuses."""
    task = detail.task
    if states.is_final(task.state) or not is_id(task.id) or not allows(user, REVOKE_TASK, task.id):
        return None
    runs = is_running(task.state)
    pool = conf.load("WORKER_BACKEND")().pool_of(task.worker) if runs and task.worker else None
    return RevokeOffer(task.id, runs, uuid4(), cannot_stop=cannot_stop(pool))


def is_running(state: str) -> bool:
    """Return whether a process may run a task in this state, so that there is something to stop."""
    return state in RUNNING or states.is_custom(state)


def outcome_of(detail: TaskDetail) -> str:
    """Return what became of the request to revoke a task, empty when there was none."""
    return states.revoke_outcome(detail.task.state) if detail.revoke_requested_at else ""


@dataclass(frozen=True, slots=True)
class ListActions:
    """What may be done to the tasks of a list that are chosen, and to all of them.

    ``again`` is None for those who may run nothing, ``revoke_url`` leads on to revoking all that match and is empty
    for those who may revoke nothing. ``next_url`` is the list's own address.
    """

    again: AgainList | None
    revoke_url: str
    next_url: str
    submission: UUID

    def __contains__(self, state: str) -> bool:
        """Whether there is anything to do to a task in this state."""
        if self.again and state in self.again.states:
            return True
        return bool(self.revoke_url) and not states.is_final(state)


def choice_of(filters: TaskFilterSet, counts: Counts | None, user: Any) -> ListActions | None:
    """Return what ``user`` may do with the tasks of a list; None when that is nothing."""
    again = again_of_list(filters, counts, user)
    all_url = reverse("celery_ops:bulk-revoke") + filters.matching
    revoke_url = all_url if allows(user, REVOKE_TASK) else ""
    if again is None and not revoke_url:
        return None
    next_url = reverse("celery_ops:task-list") + filters.link(cursor=filters.cursor)
    return ListActions(again, revoke_url, next_url, uuid4())
