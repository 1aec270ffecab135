"""What the tests of running tasks again share: a store and a broker in memory, and who asks."""

import pytest

from tests.conftest import broker
from tests.ops.task_backends import Held, use


@pytest.fixture(autouse=True)
def _in_memory(memory_store, settings, loaded_tasks, monkeypatch):
    use(settings, Held, RUNNABLE_TASKS={"tests.shop.tasks.untracked": {}}, CONTROL_TIMEOUT=0.1)
    monkeypatch.setattr("celery_ops.task_detail.sources.live_task", lambda task_id: None)
    with broker("memory://"):
        yield
    Held.hold()
