"""How durations lie in the store, and how they are read from there."""

import os
import time

import pytest
import redis

from celery_ops.metrics.cells import KINDS, TIMES, Cell, Total
from celery_ops.metrics.distribution import BUCKETS, bucket_of
from celery_ops.metrics.durations import Durations, cells_of, summed
from celery_ops.metrics.insight import by_task, insight
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.tallies import NARROW_CELL, NARROW_FULL, Row, Wanted
from tests.metrics.test_counting import count, flush

HOUR = WINDOWS["1h"]


@pytest.fixture
def client_of_store(redis_store, settings):
    """The keys of this test, and no others."""
    url, prefix = settings.CELERY_OPS["STORE_URL"], settings.CELERY_OPS["STORE_PREFIX"]
    client = redis.Redis.from_url(url)
    scan = client.scan_iter
    client.scan_iter = lambda pattern="*": scan(f"{prefix}:{pattern}", count=1000)
    yield client
    client.close()


def add(*cells, once):
    """Add to cells of one row of durations, and return the row."""
    row = Row("d", 60, cells=dict(cells), narrow=TIMES, length=16)
    recorder().ask(lambda store: store.add([row], once))
    return recorder().ask(lambda store: store.tallies(Wanted(cells=["d"]))).cells[0]


def test_what_has_no_room_in_a_cell_is_counted_all_the_same(store):
    add((3, NARROW_FULL), (4, 1), once="a")
    row = add((3, 5), (4, NARROW_FULL + 7), once="b")
    assert [*cells_of(row)[:6]] == [0, 0, 0, NARROW_FULL + 5, NARROW_FULL + 8, 0]
    assert [*summed([row, b"", row])[:6]] == [0, 0, 0, 2 * NARROW_FULL + 10, 2 * NARROW_FULL + 16, 0]


def test_where_no_script_is_carried_out_a_full_cell_stays_full(redis_store, monkeypatch):
    monkeypatch.setattr(redis_store, "_adds_by_script", False)
    add((3, NARROW_FULL), (4, 1), once="a")
    assert [*cells_of(add((3, 5), (4, 1), once="b"))[:5]] == [0, 0, 0, NARROW_FULL, 2]


def test_rows_of_different_lengths_add_up():
    rows = [b"\0\0\1\0\0\2", b"", b"\0\0\3\1\0\0\0\0\5", b"\xff\xff\xff"]
    assert [*summed(rows)] == [0xFFFFFF + 4, 2 + 2**16, 5]
    assert [*summed([])] == [*summed([b""])] == []


@pytest.mark.parametrize("length", [1, 2, 7, TIMES * NARROW_CELL, TIMES * NARROW_CELL + 3, 100_000])
def test_whatever_lies_under_the_key_of_a_row_makes_a_distribution(length):
    for is_together in (True, False):
        for kind in KINDS:
            (distribution,) = Durations([os.urandom(length)], is_together).of(kind)
            assert len(distribution.counts) in (0, BUCKETS)


def test_a_row_that_grows_takes_what_it_needs(redis_store, client_of_store):
    for seconds in (0.01, 0.1, 1, 10, 100):
        count(Total.SUCCESS, seconds)
        flush()
    keys = [*client_of_store.scan_iter("*d1h.*")]
    needed = (bucket_of(100) + 1) * len(KINDS) * NARROW_CELL
    assert keys
    assert all(client_of_store.memory_usage(key) < 1.25 * needed + 150 for key in keys)
    assert insight(HOUR).run.total == 5


def test_a_task_that_ran_and_one_that_waited_have_each_their_own(store):
    count(Total.STARTED, 0.2)
    count(Total.SUCCESS, 30.0)
    flush()
    numbers = by_task(HOUR)["shop.mail"]
    assert numbers.wait.percentile(99) == pytest.approx(0.2, rel=0.05)
    assert numbers.run.percentile(1) == pytest.approx(30, rel=0.05)
    assert (numbers.count(Cell.STARTED), numbers.run_count) == (1, 1)
    assert sum(slot.total for slot in insight(HOUR).runs) == 1


def test_of_a_busy_task_all_windows_take_less_than_100_kilobytes(redis_store, client_of_store):
    """Durations within a factor of 400, in each slot of each window."""
    now = time.time()
    for at in sorted({min(at, now) for window in WINDOWS.values() for at in range(*window.bounds(now), window.step)}):
        for seconds in (0.05, 20):
            count(Total.STARTED, seconds, at=at)
            count(Total.SUCCESS, seconds, at=at)
    flush()
    used = sum(client_of_store.memory_usage(key) for key in client_of_store.scan_iter())
    assert used / 3 < 100_000  # the site's own rows and those of the queue are as large
