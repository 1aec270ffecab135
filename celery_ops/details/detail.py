"""One task as all sources together know it."""

from dataclasses import dataclass, field
from datetime import datetime

from ..conf import conf
from ..info import Payload, Progress, TaskInfo
from ..models import TaskRunRecord
from ..tracking.refs import ObjectRef
from ..tracking.registry import registry
from .merge import merged, payload_of
from .sources import Sources


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """What is known of a task, whoever asks: show ``payload`` to viewers with ``view_payload`` only.

    ``task`` is raw and ``payload`` redacted. ``refs`` are the objects that it belongs to, ``records`` its journal
    rows, newest first. ``troubles`` says which sources could not be asked, a sentence each.
    """

    task: TaskInfo
    is_known: bool
    label: str = ""
    payload: Payload = field(default_factory=Payload)
    received_at: datetime | None = None
    progress: Progress | None = None
    retry_of: str | None = None
    revoke_requested_at: datetime | None = None
    refs: tuple[ObjectRef, ...] = ()
    records: tuple[TaskRunRecord, ...] = ()
    troubles: tuple[str, ...] = ()


def task_detail(task_id: str) -> TaskDetail:
    """Return what the task backend, the tracking store, the live workers and the journal know of a task.

    Live workers are asked only while the task has not ended. Never raises for a source that is away.
    """
    known = Sources(task_id, conf.load("TASK_BACKEND")()).ask()
    task = merged(task_id, known)
    if known.is_empty:
        return TaskDetail(task, is_known=False, troubles=known.troubles)
    tracked = known.tracked
    refs = [*known.refs, *(ObjectRef(row.object_type, row.object_id) for row in known.records if row.object_type)]
    return TaskDetail(
        task,
        is_known=True,
        label=tracked.label if tracked else registry.label(task.name),
        payload=payload_of(task, known.payload),
        received_at=tracked.received_at if tracked else None,
        progress=tracked.progress if tracked else None,
        retry_of=(tracked.retry_of if tracked else None)
        or next((row.retry_of for row in known.records if row.retry_of), None),
        revoke_requested_at=tracked.revoke_requested_at if tracked else None,
        refs=tuple(dict.fromkeys(refs)),
        records=known.records,
        troubles=known.troubles,
    )
