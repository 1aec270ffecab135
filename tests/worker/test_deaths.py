"""Pool children killed, time limits, and workers that are gone."""

import json
import signal
import uuid

import celery
import pytest

from celery_ops import tasks_for
from celery_ops.tracking import histories
from tests.servers import Worker, wait_for
from tests.shop import tasks

from .conftest import reached

# -- a pool child


def test_a_task_whose_pool_child_is_killed_fails(order, worker):
    tasks.dies.delay(order.pk)
    assert reached(order, "FAILURE").error.startswith("WorkerLostError: ")


def test_a_task_beyond_its_hard_limit_fails(order, worker):
    tasks.too_long.delay(order.pk)
    assert reached(order, "FAILURE").error.startswith("TimeLimitExceeded: ")


def test_a_task_beyond_its_hard_limit_fails_once(order, worker):
    killed = worker.text().count("SIGKILL")
    tasks.too_long.delay(order.pk)
    first = reached(order, "FAILURE")
    # Celery may tell of it twice: when the limit strikes, and when the killed child is found missing.
    wait_for(lambda: worker.text().count("SIGKILL") > killed, "the child to be missed")
    tasks.noop.delay(order.pk)
    reached(order, "SUCCESS")
    told = [(task.state, task.attempts, task.error) for task in tasks_for(order) if task.name == first.name]
    assert told == [("FAILURE", 1, first.error)]


def test_a_task_that_ends_itself_at_its_soft_limit_succeeds(order, worker):
    tasks.limited.delay(order.pk)
    reached(order, "SUCCESS")


# -- a pool child whose task is to be tried again

retries_lost = pytest.mark.skipif(
    celery.VERSION < (5, 7), reason="Celery before 5.7 retries no task whose process is lost"
)


def killed(task, order, pace):
    """Have its process killed once it is known to have begun; return the task as it was then."""
    task.delay(order.pk, pace.file)
    begun = reached(order, "STARTED")
    pace.to(1)
    return begun


@retries_lost
def test_a_task_that_waits_for_its_retry_by_its_worker_has_begun_and_says_why(order, worker, pace):
    begun = killed(tasks.recovers, order, pace)
    task = reached(order, "RETRY")
    assert task.error.startswith("WorkerLostError: ")
    assert (task.attempts, task.published_at, task.started_at) == (1, begun.published_at, begun.started_at)


@retries_lost
def test_a_task_that_its_worker_tried_again_is_one_row_with_its_attempts(order, worker, pace):
    killed(tasks.survives, order, pace)
    task = reached(order, "SUCCESS")
    assert (task.attempts, task.executions, task.error) == (2, 1, None)


# -- a whole worker

BEAT_COUNTS = 4  # no busy machine holds up a worker's twenty beats in a row
HURRY = json.dumps(
    {"celery_ops.tracking.heartbeat.BEAT_EVERY": 0.2, "celery_ops.tracking.redis.store.BEAT_COUNTS": BEAT_COUNTS}
)


only_redis = pytest.mark.parametrize("shared", ["redis"], indirect=True)


@pytest.fixture
def start_mortal(site, monkeypatch):
    """Start workers that count as gone after four seconds, on a queue of the test's own."""
    monkeypatch.setattr(histories, "BEAT_COUNTS", BEAT_COUNTS)
    workers = []

    def start(hostname):
        environment = {**site.environment, "TEST_HURRY": HURRY}
        workers.append(Worker(hostname, environment, "-c", "1", "-Q", hostname, app="tests.quick_app"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def long_at(worker, order, **arguments):
    result = tasks.long.apply_async((order.pk,), arguments, queue=worker.hostname)
    reached(order, "STARTED")
    return result


@pytest.fixture
def hostname():
    return f"mortal-{uuid.uuid4().hex[:6]}@test"


@only_redis
def test_a_task_whose_worker_was_killed_is_lost_also_when_a_new_worker_takes_its_name(order, start_mortal, hostname):
    worker = start_mortal(hostname)
    result = long_at(worker, order, steps=1000)
    worker.signal_all(signal.SIGKILL)
    lost = reached(order, "LOST")
    assert (lost.id, lost.finished_at) == (result.id, None)
    follower = start_mortal(hostname)
    tasks.noop.apply_async((order.pk,), queue=follower.hostname)
    reached(order, "SUCCESS", "noop")
    assert reached(order, "LOST").id == result.id


@only_redis
def test_a_task_is_lost_while_its_worker_is_frozen_and_ends_when_it_goes_on(order, start_mortal, hostname, pace):
    worker = start_mortal(hostname)
    tasks.paced.apply_async((order.pk, pace.file), queue=worker.hostname)
    reached(order, "STARTED")
    with worker.frozen():
        reached(order, "LOST")
    pace.to(10)
    reached(order, "SUCCESS")


@only_redis
def test_a_long_task_of_a_living_worker_is_not_lost(order, start_mortal, hostname):
    worker = start_mortal(hostname)
    long_at(worker, order, steps=60)
    seen = set()

    def ended():
        seen.update(task.state for task in tasks_for(order))
        return "SUCCESS" in seen

    wait_for(ended, "its end")
    assert seen == {"STARTED", "SUCCESS"}
