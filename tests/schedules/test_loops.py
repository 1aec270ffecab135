"""Beats that are not plain: one whose loop hangs while its process lives, and one of a worker (``worker -B``)."""

import signal

import pytest

from celery_ops.schedules.report import report
from tests.conftest import visiting
from tests.servers import Site, wait_for

from .beats import NIGHTLY, NOOP, OFTEN, codes, entry_of, occurred


@pytest.fixture
def site(transactional_db, redis_server, own_redis, settings):
    """The broker is a Redis that may be frozen; the store is another one."""
    site = Site(f"{own_redis.url}/0", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    with visiting(site, settings) as site:
        yield site


def test_a_loop_that_hangs_on_the_broker_is_said_to_stand_still(make_beat, own_redis, impatient):
    """Its process lives, and its thread goes on to give signs."""
    beat = make_beat(OFTEN | NIGHTLY)
    occurred("often")
    own_redis.freeze()
    wait_for(lambda: codes() == ["beat_silent"], "the silence")
    assert beat.process.poll() is None
    (heard,) = report(asks_around=False).beats
    assert (heard.is_stuck, heard.is_silent, heard.sends) == (True, True, False)
    assert heard.entries == 2, "what it cannot send is one of its entries still"
    assert "its loop stands still" in report(asks_around=False).problems[0].sentence
    wait_for(lambda: entry_of("often").overdue, "the entry to be overdue")
    own_redis.thaw()
    wait_for(lambda: codes() == [] and not entry_of("often").overdue, "all to be well again")


def test_a_loop_that_has_nothing_to_do_does_not_stand_still(make_beat, impatient):
    make_beat({"nightly": {"task": NOOP, "cron": "30 2 29 2 *", "args": [1]}})
    heard = wait_for(lambda: (beats := report(asks_around=False).beats) and beats[0], "beat")
    later = wait_for(lambda: (beat := report(asks_around=False).beats[0]).seen > heard.seen and beat, "another sign")
    wait_for(lambda: report(asks_around=False).beats[0].seen > later.seen, "one more")
    assert codes() == []


@pytest.mark.parametrize(
    ("pool", "end", "ending"),
    [
        ("prefork", lambda worker: worker.stop(), "has ended"),
        ("solo", lambda worker: worker.signal_all(signal.SIGKILL), "is silent"),
    ],
)
def test_a_beat_inside_of_a_worker_tells_as_any_other(make_worker_with_beat, impatient, settings, pool, end, ending):
    """It is a process of its own beside the pool, forked off a worker that has connections already."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}
    task = "tests.shop.tasks.process_payment"
    worker = make_worker_with_beat({"pay": {"task": task, "every": 1, "args": [1]}}, "-P", pool)
    one = occurred("pay", 2)
    assert len({occurrence.task_id for occurrence in one.occurrences}) == len(one.occurrences)
    (heard,) = report(asks_around=False).beats
    assert heard.pid != worker.process.pid
    assert (heard.scheduler, heard.sends) == ("celery.beat.PersistentScheduler", True)
    assert codes() == []
    wait_for(lambda: any(one.state == "SUCCESS" for one in entry_of("pay").occurrences), "a success")
    end(worker)
    wait_for(lambda: codes() == ["beat_silent"], "the silence")
    assert ending in report(asks_around=False).problems[0].sentence


@pytest.mark.parametrize(("seconds", "word"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_beat_whose_clock_differs_sends_and_is_named(make_beat, seconds, word):
    make_beat(OFTEN, TEST_CLOCK="00:00", TEST_CLOCK_AHEAD=str(seconds))
    one = occurred("often", 2)
    assert len({occurrence.task_id for occurrence in one.occurrences}) == len(one.occurrences)
    (problem,) = report(asks_around=False).problems
    assert problem.code == "beat_clock"
    assert word in problem.sentence
