"""A real worker evaluates beside its tasks: what fails, and who was killed, is told."""

import json
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import redis

from celery_ops.alerts import watching
from tests.conftest import visiting
from tests.servers import Site, Worker, wait_for
from tests.shop import tasks

HURRY = {
    "celery_ops.metrics.flushing.FLUSH_EVERY": 0.2,
    "celery_ops.alerts.watching.LOOK_EVERY": 0.1,
    "celery_ops.alerts.board.DUE_AFTER": 0.2,
    "celery_ops.tracking.heartbeat.BEAT_EVERY": 0.5,
    "celery_ops.backends.remote.presence.QUIET": 3,  # no busy machine holds up six beats in a row
}
WANTED = {
    "OBJECTIVES": {"all is well": {"task": "tests.shop.tasks.f*", "failure_rate": 0.5, "window": "5m"}},
    "ALERTS": ["tests.alerts.evaluator.tell"],
    "CONTROL_TIMEOUT": 0.3,
}


@pytest.fixture
def worlds(redis_server, settings):
    """A site of this test's own, how to start a worker of it, and what was told."""
    site = Site(f"{redis_server.url}/57", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    database = f"{redis_server.url}/49"
    environment = {
        **site.environment,
        "TEST_HURRY": json.dumps(HURRY),
        "TEST_CELERY_OPS": json.dumps(WANTED),
        "TEST_DEPTHS": database,
    }
    workers = []

    def start():
        worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "2", app="tests.quick_app")
        workers.append(worker)
        return worker

    with closing(redis.Redis.from_url(database, decode_responses=True)) as server, visiting(site, settings):
        server.delete("told")
        yield start, lambda: [tuple(json.loads(text)) for text in server.lrange("told", 0, -1)]
    for worker in workers:
        worker.stop()


def test_a_failing_task_and_a_killed_worker_are_told_once(worlds):
    start, told = worlds
    with ThreadPoolExecutor() as pool:
        _other, doomed = pool.map(lambda _: start(), range(2))
    for _ in range(3):
        tasks.fails.delay(1, message="no")
    wait_for(lambda: ("tests.shop.tasks.fails", "breached") in told(), "the objective to be breached")
    (group,) = wait_for(lambda: [target for target, _state in told() if "." not in target], "the failure to be told")
    assert "@" not in group
    doomed.signal_all(signal.SIGKILL)
    wait_for(lambda: (doomed.hostname, "breached") in told(), "the killed worker to be told")
    assert sorted(told()) == sorted(
        [("tests.shop.tasks.fails", "breached"), (group, "breached"), (doomed.hostname, "breached")]
    )


def watches():
    return [thread for thread in threading.enumerate() if thread.name == "celery_ops objectives"]


@pytest.mark.parametrize("wanted", [{}, WANTED], ids=["nothing", "objectives"])
def test_a_worker_watches_only_where_something_is_wanted(memory_store, say, wanted):
    say(**wanted)
    watching.worker_ready()
    try:
        assert len(watches()) == bool(wanted)
    finally:
        watching.worker_shutdown()
    wait_for(lambda: not watches(), "the watch to end")


def test_what_an_evaluation_raises_ends_no_watch(memory_store, say, monkeypatch, caplog):
    def fault(**options):
        raise RuntimeError("a fault")

    monkeypatch.setattr("celery_ops.alerts.evaluating.evaluate", fault)
    watching.look()
    assert "The objectives could not be evaluated" in caplog.text
