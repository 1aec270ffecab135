"""What real workers group: failures of the pool, lost children, hard time limits and tasks that nobody knows."""

import json
import uuid

import pytest

from celery_ops.failures import reading
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import visiting
from tests.servers import Site, Worker, wait_for
from tests.shop import tasks

HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": 0.2})


@pytest.fixture(scope="module")
def shared(redis_server):
    site = Site(f"{redis_server.url}/46", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    environment = {**site.environment, "TEST_HURRY": HURRY}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "2", app="tests.hurried")
    yield site
    worker.stop()


@pytest.fixture
def site(shared, settings):
    with visiting(shared, settings) as site:
        yield site


def group_of(exception):
    """Wait for the group of an exception's class, and return it."""

    def counted():
        groups = [group for group in reading.groups(WINDOWS["1h"]).groups if group.exception == exception]
        return reading.completed(groups) if groups else None

    return wait_for(counted, f"a group of {exception}")[0]


def test_a_failure_knows_its_place_in_the_sites_code_its_task_and_its_object(site):
    sent = tasks.fails.delay(17, message="order 17 of 'Ada' was refused")
    group = group_of("ValueError")
    assert (group.message, group.frame) == ("order <number> of <text> was refused", "tests.shop.tasks.fails")
    assert (group.count, group.tasks) == (1, {"tests.shop.tasks.fails": 1})
    assert group.sample_task_id == sent.id
    detail = reading.group(group.key, WINDOWS["1h"])
    assert (group.objects, detail.group.refs) == (1, [ObjectRef("shop.order", "17")])
    assert "tests/shop/tasks.py" in detail.group.traceback


@pytest.mark.parametrize(
    ("task", "exception"),
    [(tasks.dies, "billiard.exceptions.WorkerLostError"), (tasks.too_long, "billiard.exceptions.TimeLimitExceeded")],
    ids=["lost", "hard limit"],
)
def test_what_the_main_process_tells_of_is_counted_once(site, task, exception):
    task.delay(1)
    group = group_of(exception)
    assert (group.count, group.frame, group.objects) == (1, "", 1)


def test_a_task_that_no_worker_knows_is_a_failure(site):
    tasks.noop.app.send_task("shop.nobody_knows")
    group = group_of("celery.exceptions.NotRegistered")
    assert (group.count, group.tasks) == (1, {"shop.nobody_knows": 1})
