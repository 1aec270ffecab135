"""Workflows as their tasks would have told them, put into the store by hand."""

from typing import Any

from celery.utils import uuid

from celery_ops import states
from celery_ops.tracking import facts, workflows
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms

from .planting import WORKER


def plant_member(
    key: str,
    name: str = "tests.shop.tasks.noop",
    state: str = states.SUCCESS,
    *,
    task_id: str | None = None,
    parent: str = "",
    group: str = "",
    index: int | None = None,
    steps: str = "",
    ago: int = 60,
) -> tuple[ObjectRef, dict[str, str]]:
    """Return what tells the workflow ``key`` of a task; record many of them at once."""
    task_id = uuid() if task_id is None else task_id
    published = now_ms() - ago * 1000
    fields = facts.published(task_id, published, name)
    headers = {"parent_id": parent, "group": group, "group_index": index}
    known = {facts.POSITION: workflows.position(headers), facts.STEPS: steps}
    if state != states.PENDING:
        known.update(facts.started(published + 1000, published + 500, WORKER))
    if state in facts.ENDED:
        known[facts.ENDED[state]] = str(published + 3000)
    fields.update({facts.field(task_id, kind): value for kind, value in known.items() if value})
    return workflows.place(key), fields


def keep(*members: Any) -> None:
    """Let the store have what ``plant_member`` returned."""
    recorder().record(list(members))
    recorder().flush()


def plant_workflow(key: str, count: int = 3, **options: Any) -> None:
    """Let there be a workflow of ``key`` itself and so many tasks that it published."""
    batch = [plant_member(key, task_id=key), (workflows.place(key), {workflows.HERE: "1"})]
    keep(*batch, *(plant_member(key, parent=key, **options) for _number in range(count)))
