"""What tasks cost by their names: CPU in all, and the greatest growth of memory."""

import time

import pytest

from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.types import types
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.costs import UNKNOWN, Cost
from tests.metrics.test_counting import count, flush

MIB = 1024 * 1024


def spend(*costs, task="shop.mail", queue="mail", ago=0):
    """Count attempts that cost this."""
    for cost in costs:
        place = (int(time.time() - ago) // 60, "", task, "", queue)
        flusher().counting.spend(place, cost)
        flusher().counting.add((place, Total.SUCCESS, 0.1, "", False))
    flush()


def costs(window="24h"):
    return types(WINDOWS[window]).costs


def test_cpu_adds_up_and_of_growths_the_greatest_is_told(store):
    spend(Cost(1.5, 10 * MIB), Cost(2.5, 500 * MIB), Cost(0.25, 0))
    spend(Cost(1.0, 20 * MIB), queue="slow")
    cost = costs()["shop.mail"]
    assert cost.cpu_seconds == pytest.approx(5.25, abs=0.05)
    assert cost.peak_memory == pytest.approx(500 * MIB, rel=0.05)


@pytest.mark.parametrize(("window", "seconds"), [("1h", 1), ("24h", 3), ("7d", 7), ("30d", 15)])
def test_a_window_has_what_was_spent_in_it(store, window, seconds):
    for spent, ago in ((1, 60), (2, 7200), (4, 3 * 86_400), (8, 20 * 86_400)):
        spend(Cost(spent, spent * MIB), ago=ago)
    cost = costs(window)["shop.mail"]
    assert cost.cpu_seconds == pytest.approx(seconds, abs=0.05)
    assert cost.peak_memory == pytest.approx((seconds + 1) / 2 * MIB, rel=0.05)


def test_what_nobody_knows_is_unknown_and_what_is_next_to_nothing_is_not(store):
    spend(Cost(None, 0))
    count(Total.SUCCESS, 0.1, task="shop.counted")
    flush()
    spend(Cost(0.0, 0), task="shop.quick")
    spend(Cost(None, 8 * MIB), task="shop.green")
    told = costs()
    assert told["shop.mail"] == told["shop.counted"] == UNKNOWN
    assert told["shop.quick"] == Cost(0.0, 0)
    assert told["shop.green"] == Cost(None, pytest.approx(8 * MIB, rel=0.05))


def test_many_short_attempts_come_to_what_they_took(store):
    for _ in range(400):
        spend(Cost(0.002, 0))
    assert costs()["shop.mail"].cpu_seconds == pytest.approx(0.8, abs=0.35)


def test_rubbish_in_the_store_is_no_growth(redis_store, redis_server):
    spend(Cost(1.0, MIB))
    prefix = redis_store._prefix if hasattr(redis_store, "_prefix") else ""
    rows = [key for key in redis_server.tell("KEYS", f"*{prefix}*") if b"m24h" in key]
    for row in rows:
        redis_server.tell("HSET", row, "x", "1", "a.b.c", "9", ".", "", "é.99999", "1")
    assert costs()["shop.mail"].peak_memory == pytest.approx(MIB, rel=0.05)


def test_no_row_lives_longer_than_its_window_is_shown(redis_store, redis_server, settings):
    spend(Cost(1.0, MIB))
    prefix = settings.CELERY_OPS["STORE_PREFIX"].encode()
    assert [key for key in redis_server.keys_without_ttl(1) if key.startswith(prefix)] == []
