"""A worker that cannot store how its tasks end: Celery calls them failed, and often tells nobody."""

import json
import uuid

import pytest

from celery_ops.metrics import insight
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.windows import WINDOWS
from tests.servers import Worker, wait_for
from tests.shop import tasks

from .conftest import reached

HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": 0.2})


@pytest.fixture
def refused(site):
    """A worker on a queue of its own."""
    queue = f"refused-{uuid.uuid4().hex[:6]}"
    environment = {
        **site.environment,
        "TEST_HURRY": HURRY,
        "TEST_RESULT_BACKEND": "tests.faults.refusing:Refuses",
        "TEST_STORE_TIMEOUT": "20",
    }
    worker = Worker(f"{queue}@test", environment, "-c", "1", "-Q", queue, app="tests.hurried")
    yield queue
    worker.stop()


def test_a_task_whose_end_cannot_be_stored_has_failed_and_is_counted_once(refused, orders):
    well, fails, retries = orders[:3]
    tasks.process_payment.apply_async((well.pk,), queue=refused)
    tasks.fails.apply_async((fails.pk,), queue=refused)
    tasks.retries.apply_async((retries.pk,), {"times": 1}, queue=refused)
    for order in (well, fails, retries):
        assert reached(order, "FAILURE").error == "OperationalError: the database is away"
    wait_for(lambda: reached(retries, "FAILURE").attempts == 2, "the second attempt")  # its message was sent before

    def counted(task):
        numbers = insight.insight(WINDOWS["1h"], task=task.name, queue=refused)
        return [numbers.count(cell) for cell in (Cell.STARTED, Cell.SUCCESS, Cell.FAILURE)]

    wait_for(lambda: counted(tasks.process_payment) == [1, 0, 1], "numbers of the first")
    wait_for(lambda: counted(tasks.fails) == [1, 0, 1], "numbers of the second")
    wait_for(lambda: counted(tasks.retries) == [2, 0, 2], "numbers of the third")
