"""What the workers hold at this moment, as a list of tasks."""

from datetime import datetime, timezone

import pytest

from celery_ops.backends.live import LiveTaskBackend
from celery_ops.backends.remote import snapshot as snapshot_module
from celery_ops.exceptions import BackendUnavailable
from celery_ops.states import RECEIVED, STARTED
from celery_ops.task_query import TaskQuery
from celery_ops.testing import TaskBackendContract
from tests.backends.conftest import expect, have_time
from tests.backends.fakes import IDLE, FakeWorkers, speaking
from tests.conftest import broker
from tests.servers import free_port, wait_for


@pytest.fixture
def fakes(fakes, settings):
    """All that are known answer, so they may take their time."""
    have_time(settings)
    return fakes


def request(id, **more):
    return {"id": id, "name": "shop.nap", "args": [1], "kwargs": {}, "delivery_info": {"routing_key": "mail"}, **more}


def listed(**query):
    return LiveTaskBackend().page(TaskQuery(sort="-started", **query)).tasks


def hold(fakes, hostname="fake@test", **methods):
    """One worker holds these requests."""
    expect(hostname)
    fakes.answer = speaking({hostname: {**IDLE, **methods}})


class TestLiveTasks(TaskBackendContract):
    """Workers that pretend, on a real broker."""

    states = (STARTED, RECEIVED)

    @pytest.fixture(autouse=True)
    def _pretending(self, fakes):
        self.fakes = fakes

    def make_backend(self, tasks):
        parts = {task.worker: {**IDLE, "active": [], "reserved": []} for task in tasks}
        for task in tasks:
            parts[task.worker]["active" if task.state == STARTED else "reserved"].append(
                {
                    "id": task.id,
                    "name": task.name,
                    "args": task.args,
                    "kwargs": task.kwargs,
                    "delivery_info": {"routing_key": task.queue},
                    "time_start": task.started_at and task.started_at.timestamp(),
                }
            )
        expect(*parts)
        self.fakes.answer = speaking(parts)
        return LiveTaskBackend()


def test_a_running_task_is_started(fakes):
    hold(fakes, active=[request("1", time_start=1_750_000_000.5)])
    (task,) = listed()
    assert (task.state, task.started_at) == (STARTED, datetime(2025, 6, 15, 15, 6, 40, 500_000, timezone.utc))


def test_a_task_that_a_worker_has_fetched_is_received(fakes):
    hold(fakes, reserved=[request("1", time_start=None)])
    (task,) = listed()
    assert (task.state, task.started_at, task.eta) == (RECEIVED, None, None)


def test_a_task_that_waits_for_its_time_is_received_and_says_when(fakes):
    hold(fakes, scheduled=[{"eta": "2026-07-01T14:00:00+02:00", "priority": 6, "request": request("1")}])
    (task,) = listed()
    assert (task.state, task.eta) == (RECEIVED, datetime(2026, 7, 1, 12, tzinfo=timezone.utc))


def test_a_task_says_its_worker_and_its_queue(fakes):
    hold(fakes, "w7@test", active=[request("1")])
    (task,) = listed()
    assert (task.worker, task.queue) == ("w7@test", "mail")


def test_the_last_started_comes_first_and_what_has_not_begun_last(fakes):
    hold(
        fakes,
        active=[request("old", time_start=1000), request("new", time_start=2000)],
        reserved=[request("waiting")],
    )
    assert [task.id for task in listed()] == ["new", "old", "waiting"]


def test_a_task_that_is_held_twice_is_listed_once_and_as_running(fakes):
    hold(fakes, active=[request("1")], reserved=[request("1")])
    assert [task.state for task in listed()] == [STARTED]


def test_one_task_is_found_with_its_arguments(fakes):
    hold(fakes, active=[request("1", args=[1, 2], kwargs={"a": 3})])
    task = LiveTaskBackend().get("1")
    assert (task.args, task.kwargs) == ([1, 2], {"a": 3})


def test_a_list_its_counts_and_a_task_cost_one_broadcast(fakes):
    hold(fakes, active=[request("1")])
    backend = LiveTaskBackend()
    backend.page(TaskQuery())
    backend.counts(TaskQuery())
    backend.get("1")
    assert fakes.methods().count("active") == 1


@pytest.mark.parametrize(
    "rubbish",
    [None, "text", 5, {}, {"error": "no"}, [None, "x", 7, [], {}, {"id": None}, {"id": ["x"]}, {"id": ""}]],
    ids=lambda reply: repr(reply)[:20],
)
def test_rubbish_is_left_out_and_the_rest_is_listed(fakes, rubbish):
    hold(fakes, active=rubbish, reserved=rubbish, scheduled=[{"request": request("good")}, rubbish])
    assert [task.id for task in listed()] == ["good"]


def test_a_real_workers_tasks_are_listed(laden, monkeypatch):
    monkeypatch.setattr(snapshot_module, "FRESH", 0)
    held = {laden.running: STARTED, laden.fetched: RECEIVED, laden.scheduled: RECEIVED}
    wait_for(lambda: {task.id: task.state for task in listed(worker=laden.hostname)} == held, "the tasks to arrive")


def test_without_a_broker_the_list_is_unavailable():
    with broker(f"redis://127.0.0.1:{free_port()}/0"), pytest.raises(BackendUnavailable):
        listed()


def test_an_old_list_says_so(own_redis, monkeypatch):
    monkeypatch.setattr(snapshot_module, "FRESH", 0)
    with broker(own_redis.url):
        with FakeWorkers(own_redis.url) as fakes:
            hold(fakes, active=[request("1")])
            assert LiveTaskBackend().page(TaskQuery()).notes == ()
        own_redis.kill()
        page = LiveTaskBackend().page(TaskQuery())
    assert [task.id for task in page.tasks] == ["1"]
    assert "last" in page.notes[0]
