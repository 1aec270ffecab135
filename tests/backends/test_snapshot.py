"""What all viewers share: one broadcast for all of them, and the last good copy when the broker is away."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils import translation

from celery_ops.backends.remote import snapshot as snapshot_module
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.backends.remote.snapshot import QUESTIONS, expire, last_words, snapshot
from celery_ops.exceptions import BackendUnavailable
from tests.backends.conftest import expect
from tests.backends.fakes import IDLE, FakeWorkers, speaking
from tests.conftest import broker
from tests.servers import free_port


@pytest.fixture
def one(fakes):
    """One worker that answers everything."""
    expect("fake@test")
    fakes.answer = speaking({"fake@test": IDLE})
    return fakes


@pytest.fixture
def impatient(monkeypatch):
    """Every look asks."""
    monkeypatch.setattr(snapshot_module, "FRESH", 0)


def broadcasts(fakes):
    return fakes.methods().count("stats")


def test_a_look_has_every_workers_answers(one):
    assert snapshot().answers.replies == {"fake@test": IDLE}


def test_a_look_says_when_it_was_collected(one):
    assert snapshot().collected_at.tzinfo is not None


def test_a_look_of_now_has_no_trouble(one):
    assert snapshot().trouble == ""


def test_twenty_viewers_cost_one_broadcast(one):
    start = threading.Barrier(20)

    def view(_):
        start.wait(30)
        return [snapshot().collected_at for _ in range(5)]

    with ThreadPoolExecutor(20) as viewers:
        seen = {moment for moments in viewers.map(view, range(20)) for moment in moments}
    assert (broadcasts(one), len(one.heard), len(seen)) == (1, len(QUESTIONS), 1)


def test_two_seconds_later_a_look_asks_again(one):
    snapshot()
    assert snapshot_module.FRESH == 2
    snapshot_module._copy().tried_at -= 2
    snapshot()
    assert broadcasts(one) == 2


def test_a_little_sooner_it_does_not(one):
    snapshot()
    snapshot_module._copy().tried_at -= 1.5
    snapshot()
    assert broadcasts(one) == 1


def test_after_a_change_the_next_look_asks_again(one):
    snapshot()
    expire()
    snapshot()
    assert broadcasts(one) == 2


def test_what_a_worker_said_last_is_kept_while_it_is_silent(one, impatient):
    snapshot()
    one.answer = lambda question: None
    seen = snapshot()
    assert (seen.answers.replies, seen.last_words) == ({}, {"fake@test": IDLE})


def test_what_a_worker_said_last_is_not_kept_longer_than_its_name(one, impatient):
    snapshot()
    one.answer = lambda question: None
    known_workers().forget("fake@test")
    assert snapshot().last_words == {}


def test_last_words_are_had_without_asking(one):
    assert (last_words("fake@test"), broadcasts(one)) == ({}, 0)
    snapshot()
    assert (last_words("fake@test"), broadcasts(one)) == (IDLE, 1)


def test_another_broker_has_a_copy_of_its_own(one, redis_server):
    snapshot()
    with broker(f"{redis_server.url}/6"):
        assert snapshot().answers.replies == {}


def test_another_app_has_a_copy_of_its_own(one, settings):
    snapshot()
    settings.CELERY_OPS = {**settings.CELERY_OPS, "APP": "tests.backends.plain.app"}
    assert snapshot_module._copy().tried_at < 0


# -- a broker that is away


@pytest.fixture
def nowhere():
    with broker(f"redis://127.0.0.1:{free_port()}/0"):
        yield


@pytest.fixture
def questions(monkeypatch):
    """How often somebody tried."""
    tries, look = [], snapshot_module.presence.look
    monkeypatch.setattr(snapshot_module.presence, "look", lambda *within: tries.append(1) or look(*within))
    return tries


def test_a_broker_that_never_answered_is_said_in_a_calm_sentence(nowhere):
    with pytest.raises(BackendUnavailable, match="The broker does not answer, so nothing is known"):
        snapshot()


def test_a_broker_that_is_away_is_not_asked_again_at_once(nowhere, questions):
    for _ in range(10):
        with pytest.raises(BackendUnavailable):
            snapshot()
    assert len(questions) == 1


def test_viewers_of_a_frozen_broker_wait_for_one_try_together(own_redis, questions):
    def view(_):
        with pytest.raises(BackendUnavailable):
            snapshot()

    own_redis.freeze()
    with broker(own_redis.url), ThreadPoolExecutor(10) as viewers:
        list(viewers.map(view, range(10)))
    assert len(questions) == 1


@contextlib.contextmanager
def answering(server):
    """One worker is there and answers."""
    with FakeWorkers(server.url) as fakes:
        expect("fake@test")
        fakes.answer = speaking({"fake@test": IDLE})
        yield


def test_the_last_good_copy_is_shown_with_the_trouble(own_redis, impatient):
    with broker(own_redis.url):
        with answering(own_redis):
            good = snapshot()
        own_redis.kill()
        old = snapshot()
    assert (old.answers, bool(old.trouble)) == (good.answers, True)


def test_the_trouble_is_over_when_the_broker_answers_again(own_redis, impatient):
    with broker(own_redis.url):
        own_redis.kill()
        with pytest.raises(BackendUnavailable):
            snapshot()
        own_redis.start()
        with answering(own_redis):
            assert (snapshot().answers.replies, snapshot().trouble) == ({"fake@test": IDLE}, "")


def test_the_trouble_is_told_in_the_viewers_language(nowhere, monkeypatch):
    monkeypatch.setattr(snapshot_module, "_", lambda text: f"{translation.get_language()}: {text}")
    for language in ("en", "de"):
        with translation.override(language), pytest.raises(BackendUnavailable, match=f"^{language}: "):
            snapshot()
