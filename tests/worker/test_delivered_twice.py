"""Messages that brokers deliver twice, for the reasons that they do: each execution is told, and why."""

import json
import signal
import uuid

import pytest
from celery import current_app
from kombu.transport.redis import Channel

from celery_ops.doctor import deliveries
from celery_ops.redelivery import GONE, HELD, LIMIT, RAN, causes_of, patience
from celery_ops.tracking import executions, histories
from celery_ops.tracking.accounts import read_account
from tests.servers import Worker, wait_for
from tests.shop import tasks

from .conftest import reached

only_redis = pytest.mark.parametrize("shared", ["redis"], indirect=True)
#: Seconds after which this broker gives a message to another worker, and a worker counts as gone.
IMPATIENT = 2


def transport_options(name):
    """Of workers with a list of their own of what is not acknowledged, who look often for what is over its time."""
    return {
        "visibility_timeout": IMPATIENT,
        "unacked_restore_interval": 0.2,
        "unacked_restore_throttle": 1,
        **{key: f"{name}.{key}" for key in ("unacked_key", "unacked_index_key", "unacked_mutex_key")},
    }


@pytest.fixture
def queue():
    return f"impatient-{uuid.uuid4().hex[:6]}"


@pytest.fixture
def start(site, queue, monkeypatch):
    """Start workers of one queue; nobody hears of one that was killed for so many seconds."""
    options = {}
    if site.environment["TEST_BROKER_URL"].startswith("redis"):
        if not hasattr(Channel, "unacked_restore_interval"):
            pytest.skip("this kombu looks every 100 seconds for what is over its time")
        options = {"broker_transport_options": transport_options(queue)}
        monkeypatch.setattr(current_app.conf, "broker_transport_options", transport_options(queue))
    for module in (histories, executions):
        monkeypatch.setattr(module, "BEAT_COUNTS", IMPATIENT)
    hurry = {"celery_ops.tracking.heartbeat.BEAT_EVERY": 0.2, "celery_ops.tracking.redis.store.BEAT_COUNTS": IMPATIENT}
    workers = []

    def start(**conf):
        conf = {**options, **conf}
        environment = {**site.environment, "TEST_CELERY": json.dumps(conf), "TEST_HURRY": json.dumps(hurry)}
        hostname = f"{queue}-{len(workers)}@test"
        workers.append(Worker(hostname, environment, "-c", "2", "-Q", queue, app="tests.quick_app"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def told(task_id):
    """Each execution, and the likely cause of the second."""
    executed = read_account(task_id).executions
    return executed, causes_of(executed, patience())[1].code


def warned(words):
    """The remedy that doctor has for what it warns of in these words."""
    return next((finding.hint for finding in deliveries.check() if words in finding.message), "")


def twice(task_id):
    return wait_for(lambda: read_account(task_id).executions, "a second execution")


@only_redis
def test_one_that_runs_past_the_visibility_timeout_runs_beside_itself(order, start, queue, pace):
    worker = start()
    result = tasks.paced_late.apply_async((order.pk, pace.file), queue=queue)
    twice(result.id)
    pace.to(1)
    assert reached(order, "SUCCESS").executions >= 2
    executed, cause = told(result.id)
    first, second = executed[:2]
    assert (first.worker, second.worker, second.overlaps, cause) == (worker.hostname, worker.hostname, True, RAN)
    assert first.pid != second.pid
    assert (second.received_at - first.received_at).total_seconds() >= IMPATIENT - 0.1
    hint = warned("with acks_late that is done at the end")
    assert "visibility_timeout in broker_transport_options" in hint


def test_one_whose_worker_was_killed_runs_after_it(order, start, queue, pace):
    worker = start()
    result = tasks.paced_late.apply_async((order.pk, pace.file), queue=queue)
    reached(order, "STARTED")
    worker.signal_all(signal.SIGKILL)
    follower = start()
    twice(result.id)
    pace.to(1)
    assert reached(order, "SUCCESS").worker == follower.hostname
    wait_for(lambda: told(result.id)[0][0].state == "LOST", "the killed worker's sign of life to end")
    executed, cause = told(result.id)
    first, second = executed[:2]
    assert (first.worker, second.worker) == (worker.hostname, follower.hostname)
    assert (first.state, second.overlaps, cause) == ("LOST", False, GONE)
    assert warned("acks_late gives it to another")


@only_redis
def test_one_that_is_held_past_the_visibility_timeout_for_its_countdown_runs_twice(order, start, queue):
    start()
    result = tasks.noop.apply_async((order.pk,), queue=queue, countdown=IMPATIENT + 1)
    twice(result.id)
    assert reached(order, "SUCCESS").executions == 2
    assert told(result.id)[1] == HELD
    assert "visibility_timeout" in warned("A worker held it")


@pytest.mark.usefixtures("worker")
def test_one_whose_time_limit_gives_its_message_back_runs_after_that(order, tmp_path):
    if not hasattr(current_app.Task, "acks_on_timeout"):
        pytest.skip("this Celery tells nothing of a limit that gives the message back")
    result = tasks.too_long_at_first.delay(order.pk, str(tmp_path / "mark"))
    assert reached(order, "SUCCESS").executions == 2
    executed, cause = told(result.id)
    assert ([execution.state for execution in executed], cause) == (["FAILURE", "SUCCESS"], LIMIT)
    assert "task_acks_on_timeout" in warned("ran into its hard time limit")
