"""What is counted, flushed and read back."""

import asyncio
import os
import random
import statistics
import threading
import time
from types import SimpleNamespace

import pytest

from celery_ops import states
from celery_ops.exceptions import StoreUnavailable
from celery_ops.metrics import executing, flushing, insight
from celery_ops.metrics.cells import OTHER, PAIRS_KEPT, Cell, Total
from celery_ops.metrics.distribution import Distribution, bucket_of, middle_of
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.rows import Names
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking import delivery, prefix
from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.costs import Cost
from celery_ops.tracking.recording import writer
from celery_ops.tracking.stamp import PUBLISHED
from tests.servers import wait_for

DAY, HOUR = 86_400, 3600


def count(kind, seconds=None, *, task="shop.mail", queue="mail", at=None, exception="", is_skewed=False):
    """Count one event in this process, as if it were ``at`` in seconds since the epoch."""
    at = time.time() if at is None else at
    flusher().counting.add(((int(at // 60), "", task, "", queue), kind, seconds, exception, is_skewed))


def flush():
    flusher().flush()


@pytest.mark.parametrize("window", WINDOWS.values(), ids=str)
def test_what_was_counted_is_in_every_window(store, window):
    now = time.time()
    for _ in range(3):
        count(Total.STARTED, 0.2, at=now)
        count(Total.SUCCESS, 1.5, at=now)
    count(Total.FAILURE, 3.0, at=now, exception="ValueError")
    flush()
    numbers = insight.insight(window, now=now)
    assert {state: sum(points) for state, points in numbers.series.items()} == {
        states.SUCCESS: 3,
        states.FAILURE: 1,
        states.RETRY: 0,
        states.REVOKED: 0,
        states.REJECTED: 0,
    }
    assert numbers.failure_rate == 0.25
    assert numbers.run_total == pytest.approx(7.5)
    assert numbers.wait.percentile(50) == pytest.approx(0.2, rel=0.05)
    assert numbers.run.percentile(50) == pytest.approx(1.5, rel=0.05)
    assert numbers.run.percentile(99) == pytest.approx(3.0, rel=0.05)
    assert len(numbers.series[states.SUCCESS]) == window.seconds / window.step
    assert numbers.series[states.SUCCESS][-1] == 3  # the step that is under way


def test_old_numbers_are_in_the_windows_that_reach_so_far(store):
    now = time.time()
    for ago in (30 * 60, 5 * HOUR, 3 * DAY, 20 * DAY):
        count(Total.SUCCESS, 0.1, at=now - ago)
    flush()
    counted = {name: insight.insight(window, now=now).count(Cell.SUCCESS) for name, window in WINDOWS.items()}
    assert counted == {"1h": 1, "24h": 2, "7d": 3, "30d": 4}


def test_a_task_a_queue_and_a_task_in_a_queue_have_numbers_of_their_own(store):
    count(Total.SUCCESS, 0.1, task="shop.mail", queue="mail")
    count(Total.SUCCESS, 0.1, task="shop.mail", queue="slow")
    count(Total.SUCCESS, 0.1, task="shop.pay", queue="slow")
    flush()
    day = WINDOWS["24h"]

    def successes(**of):
        return insight.insight(day, **of).count(Cell.SUCCESS)

    assert successes() == 3
    assert successes(task="shop.mail") == 2
    assert successes(queue="slow") == 2
    assert successes(task="shop.mail", queue="slow") == 1
    assert successes(task="shop.none") == 0
    assert {task: numbers.count(Cell.SUCCESS) for task, numbers in insight.by_task(day).items()} == {
        "shop.mail": 2,
        "shop.pay": 1,
    }
    assert {queue: numbers.count(Cell.SUCCESS) for queue, numbers in insight.by_queue(day).items()} == {
        "mail": 1,
        "slow": 2,
    }


def test_percentiles_are_within_five_per_cent(store):
    durations = [random.lognormvariate(0, 1.5) for _ in range(5000)]
    for seconds in durations:
        count(Total.SUCCESS, seconds)
    flush()
    percentiles = statistics.quantiles(durations, n=100, method="inclusive")
    run = insight.insight(WINDOWS["1h"]).run
    for percent in (50, 95, 99):
        assert run.percentile(percent) == pytest.approx(percentiles[percent - 1], rel=0.06)


@pytest.mark.parametrize("seconds", [0.0, 0.00005, 0.0001, 0.00011, 0.02, 1, 59.9, 3600, 90_000, 1e9])
def test_a_bucket_stands_for_what_is_in_it(seconds):
    if seconds > 0.0001 and seconds < 100_000:
        assert middle_of(bucket_of(seconds)) == pytest.approx(seconds, rel=0.048)
    assert Distribution.of([seconds]).total == 1


def test_nothing_is_known_of_nothing(store):
    numbers = insight.insight(WINDOWS["1h"])
    assert numbers.failure_rate is None
    assert numbers.wait.percentile(95) is None
    assert insight.by_task(WINDOWS["30d"]) == {}


def test_what_the_store_took_without_an_answer_is_not_counted_twice(redis_store, monkeypatch):
    count(Total.SUCCESS, 0.1)
    really = type(redis_store).add

    def silent(self, rows, once):
        really(self, rows, once)
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(type(redis_store), "add", silent)
    flush()
    monkeypatch.setattr(type(redis_store), "add", really)
    recorder_module.recorder().try_again()
    count(Total.SUCCESS, 0.1)
    flush()
    assert insight.insight(WINDOWS["1h"]).count(Cell.SUCCESS) == 2


def test_what_is_counted_during_an_outage_goes_to_its_own_minutes(store, monkeypatch):
    now = time.time()

    def away(self, rows, once):
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "add", away)
        count(Total.SUCCESS, 0.1, at=now - 180)
        flush()
        count(Total.SUCCESS, 0.1, at=now - 120)
        flush()
    recorder_module.recorder().try_again()
    count(Total.SUCCESS, 0.1, at=now)
    flush()
    assert insight.insight(WINDOWS["1h"], now=now).series[states.SUCCESS][-4:] == [1, 1, 0, 1]


def test_an_ending_process_gives_a_store_that_is_away_its_time_once(store, monkeypatch, caplog):
    def away(self, rows, once):
        raise StoreUnavailable("away")

    monkeypatch.setattr(type(store), "add", away)
    monkeypatch.setattr(flushing, "EXIT_PATIENCE", 0.1)
    count(Total.SUCCESS, 0.1)
    flush()
    count(Total.SUCCESS, 0.1)
    for _ in range(3):
        flusher.end()
    assert caplog.text.count("What was counted since the last flush is lost") == 1


def test_names_beyond_the_cap_are_counted_as_other(store):
    for number in range(PAIRS_KEPT + 50):
        count(Total.SUCCESS, 0.1, task=f"hostile.{number}", queue="q")
    flush()
    by_task = insight.by_task(WINDOWS["1h"])
    assert len(by_task) == PAIRS_KEPT + 1
    assert by_task[OTHER].count(Cell.SUCCESS) == 50
    assert insight.insight(WINDOWS["1h"]).count(Cell.SUCCESS) == PAIRS_KEPT + 50


def test_every_row_of_numbers_expires(redis_store, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_RETENTION": 7 * DAY}
    count(Total.STARTED, 0.2)
    count(Total.FAILURE, 0.2, exception="ValueError", is_skewed=True)
    flush()
    client = redis_store._servers._pool.connection_kwargs
    import redis

    with redis.Redis(host=client["host"], port=client["port"], db=client["db"]) as server:
        lives = [server.ttl(key) for key in server.scan_iter(f"{prefix.current()}:*")]
    assert len(lives) > 20
    assert all(0 < seconds <= 7 * DAY for seconds in lives)


def test_a_page_takes_two_round_trips(redis_store, round_trips):
    for task in "abc":
        count(Total.SUCCESS, 0.1, task=task)
    flush()
    before = round_trips()
    insight.by_task(WINDOWS["30d"])
    assert round_trips() - before == 2


def test_the_page_of_charts_takes_two_round_trips(redis_store, round_trips):
    for task in "abc":
        count(Total.SUCCESS, 0.1, task=task)
    flush()
    before = round_trips()
    insight.picture(WINDOWS["30d"], "a", "mail")
    assert round_trips() - before == 2


def test_a_flush_is_one_round_trip(redis_store, round_trips):
    count(Total.SUCCESS, 0.1)
    flush()
    for task in "abc":
        count(Total.SUCCESS, 0.1, task=task)
        count(Total.STARTED, 0.1, task=task)
    before = round_trips()
    flush()
    assert round_trips() - before == 1


def test_a_store_that_freezes_in_the_middle_counts_nothing_twice(own_redis, settings):
    settings.CELERY_OPS = {"STORE_URL": f"{own_redis.url}/0", "STORE_PREFIX": "frozen", "STORE_TIMEOUT": 0.1}
    count(Total.SUCCESS, 0.1)
    flush()
    own_redis.freeze()
    for _ in range(3):
        count(Total.SUCCESS, 0.1)
        flush()  # the first one is on its way, and carried out once the server goes on
    own_redis.thaw()
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_TIMEOUT": 20.0}
    flush()
    assert insight.insight(WINDOWS["1h"]).count(Cell.SUCCESS) == 4


def test_a_child_begins_with_nothing_and_its_parent_goes_on(redis_store):
    count(Total.SUCCESS, 0.1)
    child = os.fork()
    if not child:
        os._exit(bool(len(flusher())))
    assert os.waitpid(child, 0)[1] == 0
    assert len(flusher()) == 1
    wait_for(lambda: any(thread.name == writer.NAME for thread in threading.enumerate()), "its thread")
    flush()
    assert insight.insight(WINDOWS["1h"]).count(Cell.SUCCESS) == 1


def test_a_name_that_no_text_can_hold_costs_no_other_number(store):
    count(Total.FAILURE, 0.1, task="shop.\ud800", exception="\udfffError")
    count(Total.SUCCESS, 0.1)
    flush()
    assert len(flusher()) == 0
    assert insight.insight(WINDOWS["1h"], task="shop.mail").count(Cell.SUCCESS) == 1
    assert insight.insight(WINDOWS["1h"]).count(Cell.FAILURE) == 1


@pytest.mark.parametrize("published", [-(10**30), -1, 0, 1, True, 10**30, 10**400, "1"], ids=lambda n: str(n)[:5])
def test_a_message_that_says_it_waited_since_before_there_was_time_costs_no_other_number(store, published):
    details = {PUBLISHED: published, "delivery_info": {"routing_key": "mail"}}
    request = SimpleNamespace(**details)
    executing.task_prerun(sender=SimpleNamespace(name="shop.mail", request=request))
    count(Total.SUCCESS, 0.1)
    flush()
    assert len(flusher()) == 0
    numbers = insight.insight(WINDOWS["1h"])
    assert (numbers.count(Cell.STARTED), numbers.count(Cell.SUCCESS), numbers.wait.total) == (1, 1, 0)


@pytest.mark.parametrize("name", [["mail"], {"mail": 1}], ids=["list", "dict"])
def test_a_message_that_calls_its_exchange_what_is_no_name_costs_no_other_number(store, name):
    place = (int(time.time()) // 60, "", "shop.mail", name, name)
    flusher().counting.add((place, Total.SUCCESS, 0.1, "", False))
    flusher().counting.spend(place, Cost(1.0, 1))
    count(Total.SUCCESS, 0.1)
    flush()
    assert len(flusher()) == 0
    assert insight.insight(WINDOWS["1h"]).count(Cell.SUCCESS) == 1


class Received:
    """What a worker's main process has of a task that it handed to its pool."""

    request_dict, delivery_info = {}, {"routing_key": "mail"}


def test_a_failure_that_is_no_exception_is_counted_where_celery_tells_of_it(store, monkeypatch):
    received = Received()
    monkeypatch.setitem(delivery.received, "t1", received)
    sender = SimpleNamespace(name="shop.mail", request=SimpleNamespace(id=None))
    for error in (asyncio.CancelledError(), asyncio.CancelledError(), ValueError("which its child has told")):
        executing.task_failure(sender=sender, task_id="t1", exception=error)
    flush()
    assert insight.insight(WINDOWS["1h"]).count(Cell.FAILURE) == 1


def test_sums_beyond_what_a_store_counts_cost_no_other_number(store):
    for _ in range(3):
        count(Total.STARTED, 1e13)
    count(Total.SUCCESS, 0.1)
    flush()
    assert len(flusher()) == 0
    assert insight.insight(WINDOWS["1h"]).count(Cell.SUCCESS) == 1


def test_a_new_process_counts_on_under_the_names_of_others(store, monkeypatch):
    monkeypatch.setattr("celery_ops.metrics.rows.PAIRS_KEPT", 2)
    for task in ("shop.mail", "shop.pay", "shop.ship"):
        count(Total.SUCCESS, 1.0, task=task)
    flush()
    flusher.forget()
    for task in ("shop.mail", "shop.pay"):
        count(Total.SUCCESS, 1.0, task=task)
        flush()
    runs = {task: numbers.run_count for task, numbers in insight.by_task(WINDOWS["1h"]).items()}
    assert runs == {"shop.mail": 2, "shop.pay": 2, OTHER: 1}


def test_a_process_of_weeks_knows_the_names_that_it_uses():
    names = Names()
    for day in range(60):
        for row in (f"hosts:{day}", "failed"):
            assert all(names.admit(row, f"name {number}", 3) for number in range(3))
            assert not names.admit(row, "name 3", 3)
