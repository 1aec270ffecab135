"""Workers by remote control: real ones, silent ones, and what is told to them."""

import contextlib
import signal
import time
from datetime import timedelta

import pytest

from celery_ops.backends.control import DETAIL, ControlWorkerBackend, broadcast, revoke
from celery_ops.backends.remote import known_workers as known_module
from celery_ops.backends.remote import replies, snapshot
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.exceptions import BackendUnavailable, BrokerUnavailable
from celery_ops.info import NO_REPLY, ONLINE, RegisteredTask
from celery_ops.testing import WorkerBackendContract
from tests.backends.conftest import LONG, expect, have_time
from tests.backends.fakes import IDLE, STATS, speaking
from tests.conftest import broker
from tests.servers import free_port, wait_for

FULL = {**IDLE, "registered": ["shop.nap"], "conf": {"timezone": "UTC"}}


def workers():
    return ControlWorkerBackend().workers().workers


def worker(hostname):
    return ControlWorkerBackend().worker(hostname)


@contextlib.contextmanager
def stopped(process):
    process.signal_all(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal_all(signal.SIGCONT)
        wait_for(lambda: worker(process.hostname).info.is_online, "the worker to be back")


class TestRemoteControl(WorkerBackendContract):
    """Workers that pretend, on a real broker."""

    @pytest.fixture(autouse=True)
    def _pretending(self, fakes, monkeypatch):
        self.fakes = fakes
        monkeypatch.setattr(known_module, "LISTENING", 0.02)

    def make_backend(self, workers):
        online = [detail for detail in workers if detail.info.is_online]
        expect(*(detail.info.hostname for detail in workers))
        known_workers().note([detail.info.hostname for detail in workers if detail not in online], (), {})
        self.fakes.answer = speaking({detail.info.hostname: answers_of(detail) for detail in online})
        return ControlWorkerBackend()


def answers_of(detail):
    """What a worker would reply that is as ``detail`` says."""
    return {
        "stats": {
            "pid": detail.pid,
            "total": {"shop.nap": detail.info.processed or 0},
            "pool": {"max-concurrency": detail.info.concurrency},
        },
        "active": [{"id": task.id, "name": task.name} for task in detail.active],
        "reserved": [{"id": task.id, "name": task.name} for task in detail.reserved],
        "scheduled": [],
        "active_queues": [{"name": queue} for queue in detail.info.queues or ()],
        "registered": [],
        "conf": {},
    }


# -- real workers


def test_workers_are_listed_by_hostname(names):
    assert [worker.hostname for worker in workers()] == list(names)


def test_a_worker_says_what_it_is(names):
    info = workers()[0]
    assert (info.state, info.pool, info.concurrency, info.queues) == (ONLINE, "prefork", 1, ("celery",))


def test_a_worker_says_what_it_does(names):
    info = workers()[0]
    assert (info.active, info.reserved, info.scheduled, info.processed) == (0, 0, 0, info.processed)
    assert info.processed is not None


def test_a_worker_that_answers_was_seen_now(names):
    report = ControlWorkerBackend().workers()
    assert {worker.last_seen for worker in report.workers} == {report.collected_at}


def test_a_stopped_worker_is_listed_as_silent(fleet, names):
    workers()
    snapshot.expire()
    with stopped(fleet[0]):
        infos = workers()
    assert [(worker.hostname, worker.state) for worker in infos] == [
        (names[0], NO_REPLY),
        (names[1], ONLINE),
        (names[2], ONLINE),
    ]


def test_a_stopped_worker_keeps_what_it_is_and_not_what_it_does(fleet, names):
    before = workers()[0]
    snapshot.expire()
    with stopped(fleet[0]):
        after = workers()[0]
    assert (after.pool, after.queues, after.active) == ("prefork", ("celery",), None)
    assert after.last_seen is not None
    assert after.last_seen <= before.last_seen


def test_the_page_of_a_stopped_worker_says_what_is_known(fleet, names):
    workers()
    with stopped(fleet[0]):
        detail = worker(names[0])
    assert (detail.info.state, detail.info.pool, detail.missing) == (NO_REPLY, "prefork", tuple(DETAIL))


def test_one_worker_says_everything_of_itself(names, fleet):
    detail = worker(names[0])
    assert (detail.info.hostname, detail.missing) == (names[0], ())
    assert detail.pid == fleet[0].process.pid
    assert detail.uptime < timedelta(hours=1)
    assert detail.prefetch_count == 10
    assert detail.broker["transport"] == "redis"
    assert detail.resources["maxrss"] > 0
    assert detail.conf["worker_prefetch_multiplier"] == 10


def test_one_worker_says_the_limits_of_its_tasks(names):
    assert worker(names[0]).registered == (
        RegisteredTask("shop.limited", "10/m", 20.0, 30.0),
        RegisteredTask("shop.nap"),
    )


def test_a_limit_that_was_changed_is_shown(fakes):
    line = "shop.nap [rate_limit=5/s soft_time_limit=1.5]"
    fakes.answer = speaking({"fake@test": {**FULL, "registered": [line]}})
    expect("fake@test")
    assert worker("fake@test").registered == (RegisteredTask("shop.nap", "5/s", 1.5),)


def test_running_fetched_and_scheduled_tasks_are_told_apart(laden):
    detail = wait_for(lambda: with_all(worker(laden.hostname)), "the tasks to arrive")
    (active,), (reserved,), (scheduled,) = detail.active, detail.reserved, detail.scheduled
    assert (active.id, reserved.id, scheduled.id) == (laden.running, laden.fetched, laden.scheduled)
    assert (active.name, active.worker, active.queue) == ("shop.nap", laden.hostname, laden.hostname)
    assert active.args == "(600,)"
    assert abs(active.started_at.timestamp() - time.time()) < 300
    assert reserved.started_at is None
    assert abs(scheduled.eta.timestamp() - time.time() - 3600) < 300
    assert (detail.info.active, detail.info.reserved, detail.info.scheduled) == (1, 1, 1)


def with_all(detail):
    return detail if detail and detail.active and detail.reserved and detail.scheduled else None


# -- how much is asked


def test_a_list_costs_one_broadcast(fakes):
    expect()
    workers()
    assert sorted(fakes.methods()) == sorted(snapshot.QUESTIONS)


def test_what_a_look_has_brought_is_read_once_however_many_see_it(fakes, monkeypatch):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": FULL})
    seen = workers()
    monkeypatch.setattr(replies, "detail", None)
    assert workers() == seen


def test_one_worker_costs_one_round_to_that_worker(fakes):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": FULL})
    worker("fake@test")
    assert sorted(fakes.methods()) == sorted(DETAIL)
    assert [question.destination for question in fakes.heard] == [["fake@test"]] * len(DETAIL)


def test_an_unknown_worker_is_none_within_the_deadline(fakes):
    begin = time.monotonic()
    assert worker("nobody@test") is None
    assert time.monotonic() - begin < LONG


def test_an_impossible_name_is_not_even_asked_for(fakes):
    assert [worker(name) for name in ("", "\x00", "x" * 100_000)] == [None] * 3
    assert fakes.heard == []


# -- what is said


def test_a_worker_that_says_only_rubbish_is_online_and_everything_is_missing(fakes):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": dict.fromkeys(DETAIL, "<script>")})
    detail = worker("fake@test")
    assert (detail.info.is_online, detail.missing) == (True, tuple(DETAIL))


def test_a_part_that_cannot_be_read_is_missing_and_the_others_are_not(fakes):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": {**FULL, "stats": None, "conf": {"error": "no"}}})
    detail = worker("fake@test")
    assert (detail.missing, detail.info.queues) == (("stats", "conf"), ("celery",))


def test_a_part_of_five_megabytes_is_missing(fakes, settings):
    have_time(settings)
    expect("fake@test")
    fakes.answer = speaking({"fake@test": {**FULL, "active": "x" * 5_000_000}})
    assert worker("fake@test").missing == ("active",)


def test_a_worker_that_is_heard_after_the_snapshot_is_no_silent_one(fakes):
    expect("fake@test", "new@test")
    fakes.answer = speaking({"fake@test": FULL})
    known_workers().forget("new@test")
    workers()
    expect("new@test")
    assert [(worker.hostname, worker.state) for worker in workers()] == [("fake@test", ONLINE), ("new@test", ONLINE)]


def test_a_silent_worker_that_is_forgotten_is_listed_no_more(fakes):
    expect("fake@test")
    assert [worker.hostname for worker in workers()] == ["fake@test"]
    known_workers().forget("fake@test")
    snapshot.expire()
    assert workers() == ()


# -- a broker that is away


@pytest.fixture
def nowhere():
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        yield


def test_without_a_broker_the_list_is_unavailable(nowhere):
    with pytest.raises(BackendUnavailable, match="The broker does not answer"):
        workers()


def test_without_a_broker_one_worker_is_unavailable(nowhere):
    with pytest.raises(BackendUnavailable, match="The broker does not answer"):
        worker("w1@test")


# -- commands


def test_a_command_says_who_answered_what(fakes):
    expect("fake@test", "silent@test")
    fakes.answer = speaking({"fake@test": {"ping": {"ok": "pong"}}})
    replies = broadcast("ping")
    assert (replies.asked, replies.answered, replies.silent) == (
        ("fake@test", "silent@test"),
        {"fake@test": {"ok": "pong"}},
        ("silent@test",),
    )


def test_a_command_carries_its_arguments_to_its_destination(fakes):
    expect()
    broadcast("pool_grow", {"n": 2}, ["fake@test"])
    (question,) = fakes.heard
    assert (question.method, question.arguments, question.destination) == ("pool_grow", {"n": 2}, ["fake@test"])


def test_a_command_to_nobody_is_refused_and_not_sent(fakes):
    with pytest.raises(ValueError, match="destination"):
        broadcast("shutdown", {}, [])
    expect()
    broadcast("ping")
    assert fakes.methods() == ["ping"]


def test_a_revoke_says_what_and_how(fakes):
    expect()
    revoke("id", terminate=True, signal="KILL")
    (question,) = fakes.heard
    assert question.arguments == {"task_id": "id", "terminate": True, "signal": "KILL"}


def test_after_a_command_the_next_look_asks_again(fakes):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": {**IDLE, "ping": "pong"}})
    workers()
    broadcast("ping")
    workers()
    assert fakes.methods().count("stats") == 2


def test_a_command_without_a_broker_says_so(nowhere):
    with pytest.raises(BrokerUnavailable):
        broadcast("ping")


def test_a_pool_is_counted_as_the_worker_says(fakes):
    expect("fake@test")
    fakes.answer = speaking({"fake@test": FULL})
    info = worker("fake@test").info
    assert (info.concurrency, info.processed) == (STATS["pool"]["max-concurrency"], 7)
