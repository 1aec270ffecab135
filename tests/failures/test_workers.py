"""What real workers group: failures of the pool, lost children, hard time limits and tasks that nobody knows."""

import json
import uuid
from datetime import datetime, timedelta, timezone

import celery
import pytest

from celery_ops.failures import reading
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.insight import insight
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.accounts import read_account
from celery_ops.tracking.reading import find_task
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import visiting
from tests.servers import Site, Worker, wait_for
from tests.shop import tasks

HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": 0.02})  # before a process is killed that was told to end
TIME_LIMIT = "billiard.exceptions.TimeLimitExceeded"


@pytest.fixture(scope="module")
def shared(redis_server):
    site = Site(f"{redis_server.url}/46", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    environment = {**site.environment, "TEST_HURRY": HURRY}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "2", app="tests.quick_app")
    yield site, worker
    worker.stop()


@pytest.fixture
def site(shared, settings):
    with visiting(shared[0], settings) as site:
        yield site


@pytest.fixture
def worker(shared, site):
    return shared[1]


def group_of(exception):
    """Wait for the group of an exception's class, and return it."""

    def counted():
        groups = [group for group in reading.groups(WINDOWS["1h"]).groups if group.exception == exception]
        return reading.completed(groups) if groups else None

    return wait_for(counted, f"a group of {exception}")[0]


def failures_of(task):
    """Return how often it failed, by the class of the exception."""
    groups = reading.completed(reading.groups(WINDOWS["1h"]).groups)
    return {group.exception: group.tasks[task.name] for group in groups if task.name in group.tasks}


@pytest.fixture
def utc_queue(site):
    """A queue with a worker whose app is in UTC: of such a one Celery converts times to those of its machine."""
    queue = f"utc-{uuid.uuid4().hex[:6]}"
    environment = {**site.environment, "TEST_HURRY": HURRY, "TEST_TIME_ZONE": "UTC"}
    worker = Worker(f"{queue}@test", environment, "-c", "1", "-Q", queue, app="tests.quick_app")
    yield queue
    worker.stop()


def test_a_task_that_is_put_off_until_no_time_at_all_has_failed_since_celery_57_and_was_never_begun(utc_queue):
    before_all_time = datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))
    sent = tasks.noop.apply_async((4711,), queue=utc_queue, eta=before_all_time)
    if celery.VERSION < (5, 7):
        wait_for(lambda: insight(WINDOWS["1h"], task=tasks.noop.name).count(Cell.SUCCESS), "its success")
        return
    group = group_of("OverflowError")
    assert (group.message, group.frame, group.tasks) == ("date value out of range", "", {tasks.noop.name: 1})
    numbers = insight(WINDOWS["1h"], task=tasks.noop.name)
    assert (numbers.count(Cell.FAILURE), numbers.count(Cell.STARTED)) == (1, 0)
    ((_ref, task),) = wait_for(lambda: find_task(sent.id), "the task")
    assert (task.state, task.error, task.started_at) == ("FAILURE", "OverflowError: date value out of range", None)
    assert json.loads(read_account(sent.id).payload.args)["args"] == [4711]


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
    [(tasks.dies, "billiard.exceptions.WorkerLostError"), (tasks.too_long, TIME_LIMIT)],
    ids=["lost", "hard limit"],
)
def test_what_the_main_process_tells_of_is_counted_once(site, task, exception):
    task.delay(1)
    wait_for(lambda: exception in failures_of(task), "the failure")
    group = group_of(exception)
    assert (group.tasks[task.name], group.frame, group.objects) == (1, "", 1)


def test_what_fails_while_a_hard_limit_ends_a_task_is_no_failure_of_its_own(worker):
    """Its process is asked to end before it is killed, and tells meanwhile what its cleaning up came to."""
    killed = worker.text().count("SIGKILL")
    tasks.too_long_to_clean_up.delay(1)
    wait_for(lambda: worker.text().count("SIGKILL") > killed, "its process to be killed")
    wait_for(lambda: failures_of(tasks.too_long_to_clean_up), "the failure")
    assert failures_of(tasks.too_long_to_clean_up) == {TIME_LIMIT: 1}
    assert insight(WINDOWS["1h"], task=tasks.too_long_to_clean_up.name).count(Cell.FAILURE) == 1


def test_what_a_process_that_was_told_to_end_and_lives_on_makes_of_it_is_a_failure(site):
    tasks.outlives_its_end.delay(1)
    wait_for(lambda: failures_of(tasks.outlives_its_end), "the failure")
    assert failures_of(tasks.outlives_its_end) == {"ConnectionError": 1}


def test_a_task_that_no_worker_knows_is_a_failure(site):
    tasks.noop.app.send_task("shop.nobody_knows")
    group = group_of("celery.exceptions.NotRegistered")
    assert (group.count, group.tasks) == (1, {"shop.nobody_knows": 1})
