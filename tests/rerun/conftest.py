"""What the tests of running tasks again share: a store and a broker in memory, and who asks."""

import pytest

from celery_ops.tracking import facts
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.store import TASK
from tests.conftest import broker
from tests.ops.task_backends import Held, a_task, use

UNTRACKED = "tests.shop.tasks.untracked"


@pytest.fixture(autouse=True)
def _in_memory(memory_store, settings, loaded_tasks, no_live_task):
    use(settings, Held, RUNNABLE_TASKS={UNTRACKED: {}}, CONTROL_TIMEOUT=0.1)
    with broker("memory://"):
        yield
    Held.hold()


def failed(settings, number, *others):
    """Let the list have so many failed tasks, and what the worker keeps of each."""
    batch, tasks = [], []
    for n in range(number):
        task_id = f"id-{n}"
        fields = facts.published(task_id, 1_900_000_000_000, UNTRACKED)
        fields[facts.field(task_id, facts.ENDED["FAILURE"])] = "1900000003000"
        fields[facts.field(task_id, facts.ARGUMENTS)] = f'={{"args": [{n}], "kwargs": {{}}}}'
        batch.append((ObjectRef(TASK, task_id), fields))
        tasks.append(a_task(n, "FAILURE", id=task_id, name=UNTRACKED))
    recorder().record(batch)
    use(settings, Held, *tasks, *others)
