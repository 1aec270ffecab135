"""One task as all sources together know it."""

from dataclasses import dataclass, field
from datetime import datetime

from ..conf import conf
from ..exceptions import NotRerunnable
from ..info import AttemptCost, Payload, Progress, StartedBy, TaskExecution, TaskInfo
from ..models import TaskRunRecord
from ..tracking.refs import ObjectRef
from ..tracking.registry import registry
from .django_task import DjangoTask, django_task
from .merge import merged, payload_of
from .original import Original, original_from
from .sources import SourceAnswers, Sources


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """What is known of a task, whoever asks: show ``payload`` to viewers with ``view_payload`` only.

    ``task`` is raw and ``payload`` redacted. ``refs`` are the objects that it belongs to, ``records`` its journal
    rows, newest first, ``reruns`` the ids of the tasks that are this one once more. ``original`` is what it would be
    sent with then, or why it cannot be. ``troubles`` says which sources could not be asked, a sentence each.
    ``executions`` is how often it was begun but for retries, ``deliveries`` are these where
    there were several, and ``started_by`` is whose request published it, as far as tracking knows.
    ``costs`` are what its attempts cost, the first one first.
    ``priority`` is the broker's; ``django`` is what stands behind a task of Django's own framework.
    ``is_unknown`` is for one that nobody knows while its list answers; without the list nobody can tell.
    """

    task: TaskInfo
    is_known: bool
    is_unknown: bool = False
    label: str = ""
    payload: Payload = field(default_factory=Payload)
    received_at: datetime | None = None
    progress: Progress | None = None
    retry_of: str | None = None
    reruns: tuple[str, ...] = ()
    original: Original | NotRerunnable | None = None
    revoke_requested_at: datetime | None = None
    refs: tuple[ObjectRef, ...] = ()
    records: tuple[TaskRunRecord, ...] = ()
    troubles: tuple[str, ...] = ()
    executions: int = 0
    deliveries: tuple[TaskExecution, ...] = ()
    priority: int | None = None
    django: DjangoTask | None = None
    started_by: StartedBy | None = None
    trace_id: str | None = None
    costs: tuple[AttemptCost, ...] = ()
    workflow: str = ""


def task_detail(task_id: str, *, ask_workers: bool = True) -> TaskDetail:
    """Return what the task backend, the tracking store, the live workers and the journal know of a task.

    Live workers are asked only while the task has not ended, and not at all without ``ask_workers``; queues only for a
    task that no other source knows. Never raises for a source that is away.
    """
    answers = Sources(task_id, conf.load("TASK_BACKEND")()).ask(ask_workers=ask_workers)
    task = merged(task_id, answers)
    if answers.is_empty:
        return TaskDetail(task, is_known=False, is_unknown=answers.is_unknown, troubles=answers.troubles)
    tracked = answers.tracked
    refs = [*answers.refs, *(ObjectRef(row.object_type, row.object_id) for row in answers.records if row.object_type)]
    return TaskDetail(
        task,
        is_known=True,
        label=tracked.label if tracked else registry.label(task.name),
        payload=payload_of(task, answers),
        received_at=tracked.received_at if tracked else None,
        progress=tracked.progress if tracked else None,
        retry_of=(tracked.retry_of if tracked else None)
        or next((row.retry_of for row in answers.records if row.retry_of), None),
        reruns=answers.reruns,
        original=_original(task_id, answers),
        revoke_requested_at=answers.revoke_requested_at,
        refs=tuple(dict.fromkeys(refs)),
        records=answers.records,
        troubles=answers.troubles,
        executions=tracked.executions if tracked else 0,
        deliveries=answers.deliveries,
        priority=tracked.priority if tracked else None,
        django=django_task(task, tracked),
        started_by=tracked.started_by if tracked else None,
        trace_id=tracked.trace_id if tracked else None,
        costs=answers.costs,
        workflow=answers.workflow,
    )


def _original(task_id: str, answers: SourceAnswers) -> Original | NotRerunnable:
    try:
        return original_from(task_id, answers)
    except NotRerunnable as error:
        return error
