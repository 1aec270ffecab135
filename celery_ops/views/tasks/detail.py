"""What one viewer may see of a task: the policy is asked here, and texts become what a page can carry."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from ... import states
from ...formatting import Moment, clean, cpu_time, delivered_words, memory, started_by_words
from ...info import AttemptCost, Payload, Progress, TaskInfo
from ...links import record_url, schedule_url, task_url
from ...models import TaskRunRecord
from ...payload.payload import error_class
from ...permissions import VIEW_PAYLOAD, VIEW_RECORDS, allows
from ...redaction import capture_text
from ...schedules.origin import schedule_of
from ...tables.links import PageLink, queue_link, worker_link
from ...task_detail import TaskDetail
from ...task_detail.timeline import Timeline, timeline
from ...tracking.traces import trace_url
from ..objects import object_links
from .comparison import Comparison, comparison_of
from .deliveries import ViewedDelivery, deliveries_of
from .django_task import ViewedDjangoTask, viewed_django_task
from .rerun import Again, again_of
from .revoke import RevokeOffer, is_running, outcome_of, revoke_of
from .workflow import workflow_link

#: Objects and children that a page names; of more it says how many.
MOST_OBJECTS: Final = 20
MOST_CHILDREN: Final = 50
#: Attempts whose cost is shown, the last ones.
MOST_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class ViewedRecord:
    """One row of the journal; ``url`` is its own page."""

    url: str
    username: str
    created: Moment | None
    send_state: str
    error: str


@dataclass(frozen=True, slots=True)
class ViewedCost:
    """What an attempt cost, in words; empty where nobody knows."""

    attempt: int
    cpu: str
    memory: str

    @classmethod
    def of(cls, cost: AttemptCost) -> "ViewedCost":
        return cls(cost.attempt, cpu_time(cost.cpu_seconds), memory(cost.peak_memory) if cost.peak_memory else "")


@dataclass(frozen=True, slots=True)
class ViewedTask:
    """One task as one viewer may see it. Without ``view_payload``, ``payload`` has the error's class alone."""

    id: str
    name: str
    label: str
    state: str
    tone: str
    worker: PageLink | None
    queue: PageLink | None
    attempts: int | None
    moments: tuple[tuple[str, Moment], ...]
    timeline: Timeline | None
    progress: Progress | None
    may_view_payload: bool
    payload: Payload
    parent: PageLink | None
    root: PageLink | None
    retry_of: PageLink | None
    children: tuple[PageLink, ...]
    more_children: int
    objects: tuple[PageLink, ...]
    records: tuple[ViewedRecord, ...]
    troubles: tuple[str, ...]
    again: Again | None = None
    retried_as: tuple[PageLink, ...] = ()
    revoke: RevokeOffer | None = None
    revoke_outcome: str = ""
    executions: int = 0
    deliveries: tuple[ViewedDelivery, ...] = ()
    priority: int | None = None
    django: ViewedDjangoTask | None = None
    schedule: PageLink | None = None
    comparison: Comparison | None = None
    started_by: str = ""
    trace: PageLink | None = None
    costs: tuple[ViewedCost, ...] = ()
    workflow: PageLink | None = None

    @property
    def delivered(self) -> str:
        """That its message was delivered more than once, empty where it was not."""
        return delivered_words(self.executions)

    @property
    def may_ask_where(self) -> bool:
        return self.may_view_payload and is_running(self.state)

    @property
    def has_relatives(self) -> bool:
        return bool(self.parent or self.root or self.retry_of or self.retried_as or self.children)


def viewed(detail: TaskDetail, user: Any, query: str = "") -> ViewedTask:
    """Return what ``user``, who has ``view_ops``, may see. ``query`` goes with the addresses of other tasks."""
    task = detail.task
    may_view_payload = allows(user, VIEW_PAYLOAD, task.name)
    children = [child for child in task.children if isinstance(child, str) and child]
    return ViewedTask(
        id=clean(task.id),
        name=clean(task.name),
        label=clean(detail.label),
        state=clean(task.state),
        tone=states.tone(task.state),
        worker=worker_link(task.worker) if task.worker else None,
        queue=queue_link(task.queue) if task.queue else None,
        attempts=task.attempts,
        moments=tuple(_moments(detail)),
        timeline=timeline(task),
        comparison=comparison_of(task),
        progress=_progress(detail.progress),
        may_view_payload=may_view_payload,
        payload=_payload(detail.payload) if may_view_payload else Payload(error=error_class(task.error)),
        parent=_other(task.parent_id, task, query),
        root=_other(task.root_id, task, query),
        retry_of=_other(detail.retry_of, task, query),
        children=tuple(_link(child, query) for child in children[:MOST_CHILDREN]),
        more_children=max(0, len(children) - MOST_CHILDREN),
        objects=tuple(object_links(detail.refs[:MOST_OBJECTS], user).values()),
        records=tuple(_records(detail.records, user, with_error=may_view_payload)),
        troubles=detail.troubles,
        again=again_of(detail, user),
        retried_as=tuple(_link(task_id, query) for task_id in detail.reruns),
        revoke=revoke_of(detail, user),
        revoke_outcome=outcome_of(detail),
        executions=detail.executions,
        deliveries=deliveries_of(detail),
        priority=detail.priority,
        django=viewed_django_task(detail.django),
        trace=PageLink(detail.trace_id, url) if detail.trace_id and (url := trace_url(detail.trace_id)) else None,
        workflow=workflow_link(detail.workflow),
        started_by=started_by_words(detail.started_by) if detail.started_by else "",
        schedule=_schedule(detail),
        costs=tuple(ViewedCost.of(cost) for cost in detail.costs[-MOST_ATTEMPTS:]),
    )


def _schedule(detail: TaskDetail) -> PageLink | None:
    """Return the schedule that it came of: what somebody ran by hand came of none.

    A beat that has not been started anew since an upgrade says nothing with its messages: then its occurrences do.
    """
    task = detail.task
    is_anothers = bool(detail.records or detail.started_by or task.parent_id or not task.name)
    name = task.schedule or ("" if is_anothers else schedule_of(task.id, task.name))
    return PageLink(clean(name), schedule_url(name)) if name else None


def _payload(payload: Payload) -> Payload:
    return Payload(
        laid_out(payload.args), laid_out(payload.result), payload.error, payload.traceback, laid_out(payload.meta)
    )


def laid_out(text: str | None) -> str | None:
    """Return JSON over several lines, and any other text as it is."""
    try:
        value = json.loads(text or "")
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, (dict, list)) else text
    except (ValueError, RecursionError):
        return text


def _progress(progress: Progress | None) -> Progress | None:
    return progress and Progress(progress.current, progress.total, capture_text(progress.message).text)


def _moments(detail: TaskDetail) -> Iterator[tuple[str, Moment]]:
    now = timezone.now()
    task = detail.task
    for label, value in (
        (_("Created"), task.created_at),
        (_("Scheduled for"), task.eta),
        (_("Received"), detail.received_at),
        (_("Started"), task.started_at),
        (_("Finished"), task.finished_at),
        (_("Revoke requested"), detail.revoke_requested_at),
    ):
        if (moment := Moment.of(value, now)) is not None:
            yield label, moment


def _other(task_id: Any, task: TaskInfo, query: str) -> PageLink | None:
    return _link(task_id, query) if isinstance(task_id, str) and task_id and task_id != task.id else None


def _link(task_id: str, query: str) -> PageLink:
    return PageLink(clean(task_id), task_url(task_id, query))


def _records(records: Iterable[TaskRunRecord], user: Any, *, with_error: bool) -> Iterator[ViewedRecord]:
    sees_all = allows(user, VIEW_RECORDS)
    now = timezone.now()
    for record in records:
        if sees_all or record.is_of(user):
            yield ViewedRecord(
                url=record_url(record.pk),
                username=clean(record.username),
                created=Moment.of(record.created_at, now),
                send_state=record.get_send_state_display(),
                error=capture_text(record.error).text if with_error else error_class(record.error),
            )
