"""Who ended well, who is gone and who only does not answer: by the signs that workers give, and by the broker."""

from dataclasses import replace

import pytest

from celery_ops.backends.control import ControlWorkerBackend, revoke
from celery_ops.backends.remote import presence, snapshot
from celery_ops.backends.remote.gather import ask
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.backends.remote.presence import QUIET, Presence
from celery_ops.info import ENDED, GONE, NO_REPLY, ONLINE
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.signs import Sign, decoded, encoded
from celery_ops.tracking.store import BEAT_COUNTS
from tests.backends.conftest import expect, unbind
from tests.backends.fakes import IDLE, FakeWorkers, speaking
from tests.backends.starting import end, start
from tests.conftest import broker
from tests.servers import wait_for

NOW = 1_700_000_000_000
SIGN = Sign("w1@test", 11, NOW - 600_000, NOW, client=7, token="celery_ops:x")


def of(*signs, connected=()):
    by_host = {"w1@test": tuple(sorted(signs, key=lambda sign: -sign.started))}
    return Presence(None, by_host, NOW, connected)


def quiet(seconds, **more):
    return replace(SIGN, seen=NOW - int(1000 * seconds), **more)


@pytest.mark.parametrize(
    ("sign", "connected", "state"),
    [
        (quiet(1), (), NO_REPLY),
        (quiet(QUIET - 1), (), NO_REPLY),
        (quiet(QUIET + 1), (), GONE),
        (quiet(QUIET + 1), (SIGN.key,), NO_REPLY),
        (quiet(3600), (SIGN.key,), NO_REPLY),
        (quiet(QUIET + 1), None, NO_REPLY),
        (quiet(BEAT_COUNTS + 1), None, GONE),
        (quiet(QUIET + 1, client=0), (), NO_REPLY),
        (quiet(1, is_leaving=True), (), ENDED),
        (quiet(300, is_leaving=True), (), ENDED),
    ],
)
def test_a_worker_that_does_not_answer_is_what_its_last_sign_says(sign, connected, state):
    assert of(sign, connected=connected).of("w1@test").state == state


def test_the_sign_of_the_process_that_was_started_last_counts():
    before = quiet(300, pid=10, started=NOW - 900_000)
    assert of(before, quiet(1)).of("w1@test").state == NO_REPLY
    assert of(before, quiet(1)).twice == frozenset()


def test_two_living_processes_of_one_name_are_two():
    assert of(quiet(2, pid=10, started=NOW - 900_000), quiet(1)).twice == {"w1@test"}


def test_a_name_that_was_given_up_is_no_ones_twice():
    assert of(quiet(2, pid=10, started=NOW - 900_000, is_leaving=True), quiet(1)).twice == frozenset()


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", "x" * 2000, '{"hostname": 1, "pid": "x"}', "[" * 900], ids=len)
def test_what_is_no_sign_is_left_out(text):
    assert decoded([text, encoded(SIGN)]) == [SIGN]


# -- as the list has it


def states():
    snapshot.expire()
    return {worker.hostname: worker.state for worker in ControlWorkerBackend().workers().workers}


def test_a_silent_worker_that_redis_has_bound_should_answer(fakes):
    expect("plain@test")
    assert states() == {"plain@test": NO_REPLY}


def test_one_that_took_its_queue_away_has_ended_and_is_asked_no_more(fakes):
    expect("plain@test")
    unbind("plain@test")
    assert (states(), states()) == ({"plain@test": ENDED}, {"plain@test": ENDED})
    assert (revoke("an-id").asked, known_workers().listed) == ((), {})


def test_it_is_listed_for_ten_minutes(fakes, monkeypatch):
    expect("plain@test")
    unbind("plain@test")
    assert states() == {"plain@test": ENDED}
    monkeypatch.setattr(presence, "ENDED_LISTED", presence.ENDED_LISTED * 0)
    assert states() == {}


def test_one_that_is_back_is_online(fakes):
    expect("plain@test")
    unbind("plain@test")
    assert states() == {"plain@test": ENDED}
    fakes.answer = speaking({"plain@test": IDLE})
    wait_for(lambda: known_workers().expect(["plain@test"]) or states() == {"plain@test": ONLINE}, "it to be back")


def test_one_that_nobody_heard_is_listed_by_its_signs(fakes):
    recorder().store.sign(Sign("busy@test", 1, NOW))
    recorder().store.sign(Sign("done@test", 2, NOW, is_leaving=True))
    assert states() == {"busy@test": NO_REPLY, "done@test": ENDED}


def test_a_revoke_counts_nobody_who_has_left(fakes):
    expect("here@test", "done@test")
    recorder().store.sign(Sign("done@test", 2, NOW, is_leaving=True))
    fakes.answer = speaking({"here@test": {"revoke": {"ok": "noted"}}})
    assert revoke("an-id").asked == ("here@test",)


@pytest.mark.rabbitmq
def test_one_without_signs_is_heard_beside_those_that_give_them(rabbitmq_url):
    """RabbitMQ names nobody: it may be another project's."""
    with broker(rabbitmq_url), FakeWorkers(rabbitmq_url) as fakes:
        recorder().store.sign(Sign("ours@test", 1, NOW))
        fakes.answer = lambda question: [{name: {"ok": "pong"}} for name in ("ours@test", "theirs@test")]
        assert presence.learn() == {"ours@test"}
        assert set(ask({"ping": {}}).replies) == {"ours@test", "theirs@test"}


def test_two_real_workers_of_one_name_are_noticed(redis_server, settings):
    url = f"{redis_server.url}/25"
    pair = start("twin@test", "twin@test", url=url, options=("-P", "solo"))
    try:
        with broker(url):
            wait_for(lambda: states() and ControlWorkerBackend().workers().workers[0].is_twice, "both to be heard")
            (worker,) = ControlWorkerBackend().workers().workers
            assert (worker.hostname, worker.state) == ("twin@test", ONLINE)
    finally:
        for twin in pair:
            end(twin)
