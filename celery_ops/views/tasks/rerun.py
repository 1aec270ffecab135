"""What the page of a task offers for running it again, or why it does not."""

from dataclasses import dataclass
from functools import reduce
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError
from django.urls import NoReverseMatch, reverse

from ...catalog import may_run_something
from ...exceptions import NotRerunnable, RerunRefused
from ...filters.tasks import TaskFilterSet
from ...formatting import clean, count
from ...links import query_string
from ...models import TaskRunRecord
from ...permissions import RUN_TASK, allows
from ...rerun.claims import reruns_of
from ...rerun.doubts import doubts_of
from ...rerun.policy import OVER, permitted, reason_unheard
from ...running.allowlist import allowed_names
from ...task_detail import TaskDetail
from ...task_query import Count, Counts


@dataclass(frozen=True, slots=True)
class Again:
    """``reason`` says why it cannot be run again as it was, ``warnings`` what to consider before.

    ``task_id`` is as the form sends it, ``submission`` what makes a second click no second run, and ``edit_url`` the
    form that is filled with its arguments, empty when there is none.
    """

    task_id: str
    reason: str = ""
    warnings: tuple[str, ...] = ()
    edit_url: str = ""
    submission: UUID | None = None


def again_of(detail: TaskDetail, user: Any) -> Again | None:
    """Return what ``user`` may do; None while the task goes on, and for those who may not run it."""
    original = detail.original
    task_id = detail.task.id
    if original is None or (original.state and original.state not in OVER) or clean(task_id) != task_id:
        return None
    if not allows(user, RUN_TASK, original.name):
        return None
    try:
        runnable = permitted(original.name, user)
    except RerunRefused as error:
        return Again(task_id, error.reason)
    edit_url = _edit_url(original.name, task_id)
    if isinstance(original, NotRerunnable):
        return Again(task_id, original.reason, edit_url=edit_url)
    if not original.state:
        return Again(task_id, reason_unheard(), edit_url=edit_url)
    doubts = doubts_of(runnable, original.state, _last_rerun(task_id))
    return Again(task_id, "", tuple(doubt.text for doubt in doubts), edit_url, uuid4())


def _last_rerun(task_id: str) -> TaskRunRecord | None:
    try:
        return reruns_of([task_id])[task_id].last
    except DatabaseError:  # the page says so elsewhere
        return None


@dataclass(frozen=True, slots=True)
class AgainList:
    """What a list offers: the rows in one of ``states`` can be chosen, ``all_url`` leads on to all that match.

    ``count`` is in words, empty when nothing was counted.
    """

    states: frozenset[str]
    all_url: str
    count: str


def again_of_list(filters: TaskFilterSet, counts: Counts | None, user: Any) -> AgainList | None:
    """Return what ``user`` may do with the tasks of a list; None for those who may run nothing."""
    if not may_run_something(user):
        return None
    return AgainList(
        states=OVER,
        all_url=reverse("celery_ops:bulk-retry") + filters.matching,
        count=_matching(filters, counts),
    )


def _matching(filters: TaskFilterSet, counts: Counts | None) -> str:
    if counts is None:
        return ""
    chosen = filters.query.states
    return count(reduce(Count.and_, map(counts.of, chosen)) if chosen else counts.all)


def _edit_url(name: str, task_id: str) -> str:
    """Return the form of a task that may be run again: there is one for what ``RUNNABLE_TASKS`` names."""
    if name not in allowed_names():
        return ""
    try:
        return f"{reverse('celery_ops:run-task', args=[name])}?{query_string({'again': task_id})}"
    except NoReverseMatch:
        return ""
