"""A worker that cannot store how its tasks end: Celery calls them failed, and often tells nobody."""

import json
import time
import uuid

import pytest

from celery_ops.metrics import insight
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.windows import WINDOWS
from tests.servers import Worker, wait_for
from tests.shop import tasks
from tests.worker.conftest import reached

FLUSH_EVERY = 0.2
HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": FLUSH_EVERY})


@pytest.fixture(params=["Refuses"])
def refused(site, request):
    """A worker on a queue of its own."""
    queue = f"refused-{uuid.uuid4().hex[:6]}"
    environment = {
        **site.environment,
        "TEST_HURRY": HURRY,
        "TEST_RESULT_BACKEND": f"tests.faults.refusing:{request.param}",
        "TEST_STORE_TIMEOUT": "20",
    }
    worker = Worker(f"{queue}@test", environment, "-c", "1", "-Q", queue, app="tests.quick_app")
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

    wait_for(lambda: counted(tasks.process_payment, refused) == [1, 0, 1], "numbers of the first")
    wait_for(lambda: counted(tasks.fails, refused) == [1, 0, 1], "numbers of the second")
    wait_for(lambda: counted(tasks.retries, refused) == [2, 0, 2], "numbers of the third")


@pytest.mark.parametrize("refused", ["RefusesTheirProcesses"], indirect=True)
def test_what_a_main_process_says_again_of_one_that_its_process_could_not_begin_is_not_counted_again(refused, orders):
    first, last = orders[:2]
    tasks.process_payment.apply_async((first.pk,), queue=refused)
    assert reached(first, "FAILURE").error == "OperationalError: the database is away"
    tasks.fails.apply_async((last.pk,), queue=refused)  # once that is counted, so is all that was said of the first
    assert reached(last, "FAILURE").error == "OperationalError: the database is away"
    wait_for(lambda: counted(tasks.fails, refused)[1:] == [0, 1], "numbers of the last")
    time.sleep(2 * FLUSH_EVERY)
    assert counted(tasks.process_payment, refused)[1:] == [0, 1]


def counted(task, queue):
    numbers = insight.insight(WINDOWS["1h"], task=task.name, queue=queue)
    return [numbers.count(cell) for cell in (Cell.STARTED, Cell.SUCCESS, Cell.FAILURE)]
