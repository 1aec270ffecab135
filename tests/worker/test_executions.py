"""Messages that are delivered more than once, ids that are used again, and what a worker's shutdown interrupts."""

import signal
import uuid

import pytest
from celery import current_app

from celery_ops import tasks_for
from celery_ops.tracking.accounts import read_kept_of_many
from celery_ops.tracking.capture import kept_arguments
from tests.servers import Worker, wait_for
from tests.shop import tasks

from .conftest import reached

ELSEWHERE = "no-worker-listens-here-either"
only_redis = pytest.mark.parametrize("shared", ["redis"], indirect=True)


def only(obj):
    (task,) = tasks_for(obj)
    return task


# -- given back to the queue


@pytest.mark.usefixtures("worker")
def test_a_task_that_gave_its_message_back_runs_again_without_an_end(order, pace, tmp_path):
    result = tasks.gives_back.delay(order.pk, str(tmp_path / "mark"), pace.file)
    wait_for(lambda: only(order).executions == 2, "the second execution")
    task = only(order)
    assert (task.id, task.state, task.attempts, task.finished_at, task.error) == (result.id, "STARTED", 1, None, None)
    pace.to(1)
    assert reached(order, "SUCCESS").executions == 2


@pytest.mark.usefixtures("worker")
def test_a_message_that_was_acknowledged_before_cannot_be_given_back(order):
    tasks.cannot_give_back.delay(order.pk)
    assert reached(order, "REJECTED").finished_at


# -- delivered twice


@only_redis
def test_one_id_that_is_delivered_twice_is_one_row_with_two_executions(order, worker, pace, redis_server):
    elsewhere = f"elsewhere-{uuid.uuid4().hex[:6]}"
    result = tasks.paced.apply_async((order.pk, pace.file), {"steps": 1}, queue=elsewhere)
    message = redis_server.tell_broker("RPOP", elsewhere)
    redis_server.tell_broker("LPUSH", "celery", message, message)
    wait_for(lambda: only(order).executions == 2, "both deliveries to run")
    pace.to(1)
    task = reached(order, "SUCCESS")
    assert (task.id, task.attempts, task.executions) == (result.id, 1, 2)


@pytest.mark.usefixtures("worker")
def test_a_task_that_ran_once_was_executed_once(order):
    tasks.noop.delay(order.pk)
    assert reached(order, "SUCCESS").executions == 1


# -- one id again


@pytest.mark.usefixtures("worker")
def test_an_id_that_is_used_again_tells_of_its_last_publish(order):
    task_id = str(uuid.uuid4())
    tasks.returns.apply_async((order.pk, "a parcel"), task_id=task_id)
    reached(order, "SUCCESS")
    tasks.fails.apply_async((order.pk,), task_id=task_id)
    assert reached(order, "FAILURE").name == tasks.fails.name
    tasks.noop.apply_async((order.pk,), task_id=task_id, queue=ELSEWHERE)
    task = only(order)
    assert (task.state, task.name, task.error, task.started_at, task.executions) == (
        "PENDING",
        tasks.noop.name,
        None,
        None,
        0,
    )


# -- a shutdown


@pytest.fixture
def start_worker(site):
    workers = []

    def start():
        hostname = f"soft-{uuid.uuid4().hex[:6]}@test"
        environment = {**site.environment, "TEST_CELERY": '{"worker_soft_shutdown_timeout": 0.2}'}
        workers.append(Worker(hostname, environment, "-c", "3", "-Q", hostname, app="tests.quick_app"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def started_in(worker):
    """How many tasks a worker's main process knows to run: those are what it cancels when it is shut down."""
    active = current_app.control.inspect(destination=[worker.hostname], timeout=1, limit=1).active() or {}
    return sum(task["time_start"] is not None for task in active.get(worker.hostname, ()))


def takes_over(follower, worker):
    """Tell one worker to take from another's queue; a worker that is ready may not have subscribed yet."""
    destination = {"destination": [follower.hostname], "limit": 1, "timeout": 2}
    return current_app.control.add_consumer(worker.hostname, reply=True, **destination)


@only_redis
def test_what_a_shutdown_interrupts_says_whether_its_message_is_back(order, other, pace, start_worker, tmp_path):
    worker = start_worker()
    tasks.paced.apply_async((order.pk, pace.file), queue=worker.hostname)
    tasks.paced_late.apply_async((other.pk, pace.file), queue=worker.hostname)
    begun = tmp_path / "begun"
    nobodys = tasks.untracked_paced.apply_async((str(begun), pace.file), queue=worker.hostname)
    reached(order, "STARTED")
    reached(other, "STARTED")
    wait_for(begun.exists, "the third task to begin")
    wait_for(lambda: started_in(worker) == 3, "the main process to hear from its pool of all three")
    worker.process.send_signal(signal.SIGQUIT)
    gone, back = reached(order, "LOST"), reached(other, "PENDING")
    assert gone.error == "Interrupted: its worker was shut down while it ran, and its message is gone"
    assert back.error == "Interrupted: its worker was shut down while it ran; its message is back in the queue"
    assert (gone.finished_at, back.finished_at, back.started_at) == (None, None, None)
    kept = wait_for(lambda: read_kept_of_many({nobodys.id: None}).get(nobodys.id), "what the third task was given")
    assert (kept.state, kept_arguments(kept.arguments)) == ("LOST", ([str(begun), pace.file], {}))
    worker.process.wait(30)
    assert "TypeError" not in worker.text()
    follower = start_worker()
    wait_for(lambda: takes_over(follower, worker), "the follower to hear what it is told")
    pace.to(10)
    task = reached(other, "SUCCESS")
    assert (task.executions, task.attempts, task.worker) == (2, 1, follower.hostname)
    assert only(order).state == "LOST"
