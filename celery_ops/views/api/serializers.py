"""The items of the JSON lists: plain values, null for what is unknown."""

import json
from datetime import datetime
from typing import Any

from django.utils import timezone

from ... import redaction, states
from ...backends.queue_flow import UNKNOWN, QueueFlow
from ...backends.task_types import TaskType
from ...failures.group import Group, ShowsPayload, shows_message
from ...filters import started_by
from ...formatting import presentable
from ...info import Progress, QueueInfo, StartedBy, TaskInfo, WorkerInfo
from ...models import TaskRunRecord
from ...payload import payload
from ...redaction import Budget
from ...schedules.info import Problem, ScheduleInfo
from ...task_detail import TaskDetail
from ...timezones import aware
from ...tracking.costs import UNKNOWN as UNKNOWN_COST
from ...tracking.workflows.members import Member
from ...workflows.workflow import Workflow


def task_item(task: TaskInfo, *, shows_payload: bool, page: Budget | None = None) -> dict[str, Any]:
    """Return a task for ``api-history``; without ``shows_payload`` an error is its class and nothing else is said.

    What became of a request to revoke it is there when there was one, what it cost where that is known, and who started
    it on sites that note it.
    ``page`` is what may be looked through for all items of a page.
    """
    item = {
        "task_id": presentable(task.id),
        "name": presentable(task.name) or None,
        "state": presentable(task.state),
        "worker": _text(task.worker),
        "created_at": _moment(task.created_at),
        "started_at": _moment(task.started_at),
        "finished_at": _moment(task.finished_at),
        **_cost(task),
        **_starter(task.started_by),
    }
    if task.revoke_requested_at:
        item["revoke_requested_at"] = _moment(task.revoke_requested_at)
        item["revoke"] = states.revoke_outcome(task.state)
    if not shows_payload:
        return {**item, "error": payload.error_class(task.error) or None}
    shown = payload.shown(task, page)
    args, kwargs = _arguments(shown.args)
    result = None if shown.result is None else _value(shown.result)
    return {
        **item,
        "error": shown.error,
        "args": args,
        "kwargs": kwargs,
        "result": result,
        "traceback": shown.traceback,
    }


def run_item(
    detail: TaskDetail, record: TaskRunRecord | None, *, shows_payload: bool, shows_starter: bool = True
) -> dict[str, Any]:
    """Return a task for ``api-run``, beside the journal's row of it where this viewer may see one.

    ``state`` is one of Celery's always. What was not sent is PENDING for ever, as Celery says of what it has not heard
    of: ``send_state`` FAILED says so, and ``error`` why.
    """
    task = detail.task
    item = {
        "task_id": presentable(task.id),
        "task_name": presentable(task.name) or None,
        "state": presentable(task.state),
        "worker": _text(task.worker),
        "created_at": _moment(task.created_at or (record.created_at if record else None)),
        "started_at": _moment(task.started_at),
        "finished_at": _moment(task.finished_at),
        **_cost(task),
        "attempts": task.attempts,
        "progress": _progress(detail.progress),
        "revoke_requested_at": _moment(detail.revoke_requested_at),
        "revoke": states.revoke_outcome(task.state) if detail.revoke_requested_at else None,
        **_starter(detail.started_by if shows_starter else None),
        "record": record and record.pk,
        "send_state": record and record.send_state,
    }
    unsent = record.error if record and record.send_state == TaskRunRecord.SendState.FAILED else ""
    if not shows_payload:
        return {**item, "error": payload.error_class(unsent or task.error) or None}
    shown = detail.payload
    args, kwargs = _arguments(shown.args or (payload.arguments_text(_task_of(record)) if record else None))
    return {
        **item,
        "error": redaction.capture_text(unsent).text or shown.error,
        "args": args,
        "kwargs": kwargs,
        "result": None if shown.result is None else _value(shown.result),
        "traceback": shown.traceback,
    }


def _starter(by: StartedBy | None) -> dict[str, Any]:
    """Return who started a task; nothing on a site that notes nobody."""
    if by is None:
        return {"started_by": None} if started_by.is_installed() else {}
    url_name = presentable(by.url_name) or None
    return {"started_by": {"pk": presentable(by.pk), "username": presentable(by.username), "url_name": url_name}}


def _cost(task: TaskInfo) -> dict[str, Any]:
    """Return what a task cost, its newest attempt; nothing where nobody knows."""
    if task.cpu_seconds is None and task.peak_memory is None:
        return {}
    return {"cpu_seconds": task.cpu_seconds, "peak_memory": task.peak_memory}


def _task_of(record: TaskRunRecord) -> TaskInfo:
    return TaskInfo(record.task_id, record.task_name, args=record.args, kwargs=record.kwargs)


def _progress(progress: Progress | None) -> dict[str, Any] | None:
    if progress is None:
        return None
    message = redaction.capture_text(progress.message).text
    return {"current": progress.current, "total": progress.total, "message": message}


def worker_item(worker: WorkerInfo) -> dict[str, Any]:
    return {
        "hostname": presentable(worker.hostname),
        "state": worker.state,
        "last_seen": _moment(worker.last_seen),
        "pool": _text(worker.pool),
        "concurrency": worker.concurrency,
        "active": worker.active,
        "reserved": worker.reserved,
        "scheduled": worker.scheduled,
        "processed": worker.processed,
        "queues": None if worker.queues is None else [presentable(queue) for queue in worker.queues],
    }


def queue_item(queue: QueueInfo, flow: QueueFlow = UNKNOWN) -> dict[str, Any]:
    """Return a queue for ``api-queues``; ages are seconds, and rates a minute. Numbers are there where it has some."""
    item = {
        "name": presentable(queue.name),
        "depth": queue.depth,
        "unacked": queue.unacked,
        "consumers": queue.consumers,
        "oldest_age": None if queue.oldest_age is None else queue.oldest_age.total_seconds(),
        "paused": queue.paused,
    }
    if flow == UNKNOWN:
        return item
    return {
        **item,
        "arrival_rate": flow.arrival_rate,
        "drain_rate": flow.drain_rate,
        "clears_in": flow.clears_in,
        "growing_for": flow.growing_for,
        "longest_wait": flow.longest_wait,
    }


def task_type_item(kind: TaskType) -> dict[str, Any]:
    """Return what the tasks of a name did for ``api-task-types``; times are seconds.

    What they cost is there where that is known.
    """
    return {
        "name": presentable(kind.name),
        "runs": kind.runs,
        "failures": kind.failures,
        "failure_rate": kind.failure_rate,
        "wait_p50": kind.wait_p50,
        "wait_p95": kind.wait_p95,
        "run_p50": kind.run_p50,
        "run_p95": kind.run_p95,
        "run_total": kind.run_total,
        "last_failure_at": _moment(kind.last_failure_at),
        **({} if kind.cost == UNKNOWN_COST else {"cpu_total": kind.cpu_total, "peak_memory": kind.peak_memory}),
    }


def failure_item(group: Group, shows_payload: ShowsPayload) -> dict[str, Any]:
    """Return a group for ``api-failures``; its message and its sample are null for those who may not see them."""
    shows = shows_message(group, shows_payload)
    return {
        "key": group.key,
        "exception": presentable(group.exception),
        "message": presentable(group.message) if shows else None,
        "frame": presentable(group.frame) or None,
        "count": group.count,
        "first_seen": _moment(group.first_seen),
        "last_seen": _moment(group.last_seen),
        "state": group.state,
        "tasks": [presentable(name) for name in group.tasks or (group.task,)],
        "objects": group.objects,
        "sample_task_id": _text(group.sample_task_id or None) if shows else None,
    }


def schedule_item(schedule: ScheduleInfo, silence: Problem | None = None) -> dict[str, Any]:
    """Return a schedule for ``api-schedules``; ``late`` is seconds, and ``problem`` the worst one in a sentence.

    That of an entry which has none of its own is the ``silence`` of beat.
    """
    entry, problem = schedule.entry, next(iter(schedule.problems), silence)
    return {
        "name": presentable(entry.name),
        "task": presentable(entry.task),
        "source": entry.source,
        "schedule": presentable(entry.words or entry.expression),
        "enabled": entry.enabled,
        "next_due": _moment(schedule.next_due),
        "last_due": _moment(schedule.last_due),
        "last_sent": _moment(schedule.last_sent),
        "last_task_id": _text(schedule.last_task_id),
        "last_state": _text(schedule.last_state),
        "late": schedule.late,
        "overdue": schedule.overdue,
        "problem": None if problem is None else presentable(problem.sentence),
    }


def _text(text: str | None) -> str | None:
    return None if text is None else presentable(text)


def workflow_item(workflow: Workflow) -> dict[str, Any]:
    """Return a workflow for ``api-workflow``. Celery calls pending what it has not heard of: steps to come are that."""
    progress = workflow.progress
    return {
        "tasks": [_member_item(task) for task in workflow.tasks],
        "edges": [[presentable(one), presentable(other)] for one, other in workflow.edges],
        "done": progress.done,
        "failed": progress.failed,
        "total": progress.total,
        "is_partial": workflow.is_partial,
    }


def _member_item(task: Member) -> dict[str, Any]:
    texts = {
        "task_id": task.task_id,
        "name": task.name,
        "state": task.state,
        "parent_id": task.parent_id,
        "group_id": task.group_id,
    }
    return {**{name: presentable(text) or None for name, text in texts.items()}, "published": task.published}


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return (moment if timezone.is_aware(moment) else timezone.localtime(aware(moment))).isoformat()


def _value(text: str) -> Any:
    """Return what redacted JSON text says, or the text when it was cut."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _arguments(text: str | None) -> tuple[Any, Any]:
    shown = None if text is None else _value(text)
    if isinstance(shown, dict) and shown.keys() == {"args", "kwargs"}:
        return shown["args"], shown["kwargs"]
    return shown, None
