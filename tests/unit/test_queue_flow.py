"""What a queue's numbers say beside what waits in it."""

from datetime import timedelta

import pytest

from celery_ops.backends.queue_flow import QueueFlow
from celery_ops.info import QueueInfo
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.distribution import Distribution
from celery_ops.metrics.reading import Numbers

#: Half a minute into a minute.
NOW = 1_800_000_030


def flow(sent=(), started=(), waits=(), now=NOW):
    """Numbers by the minute, the newest last; before them there was nothing."""
    cells = {cell: [0] * 60 for cell in Cell}
    for cell, points in ((Cell.SENT, sent), (Cell.STARTED, started)):
        if points:
            cells[cell][-len(points) :] = points
    return QueueFlow.of(Numbers(0, 3600, 60, cells, [0], [Distribution.of(waits)], [Distribution()]), now)


def queue(depth, consumers=1, oldest_age=None):
    return QueueInfo("mail", depth=depth, consumers=consumers, oldest_age=oldest_age)


def test_rates_are_of_five_minutes_and_the_one_under_way():
    counted = flow(sent=[9] * 5 + [6], started=[3] * 5 + [1])
    assert (counted.arrival_rate, counted.drain_rate) == (pytest.approx(51 / 5.5), pytest.approx(16 / 5.5))


def test_a_queue_is_cleared_when_all_that_waits_is_begun():
    counted = flow(sent=[10] * 6, started=[20] * 6).beside(queue(60))
    assert counted.clears_in == pytest.approx(60 / (120 - 60) * 5.5 * 60)
    assert not counted.is_growing


def test_an_empty_queue_is_cleared():
    assert flow(sent=[10] * 6, started=[10] * 6).beside(queue(0)).clears_in == 0


def test_nobody_says_when_a_queue_that_grows_is_cleared():
    counted = flow(sent=[20] * 13, started=[10] * 13).beside(queue(500))
    assert (counted.clears_in, counted.is_growing, counted.growing_for) == (None, True, 720)


def test_a_burst_is_no_growth():
    counted = flow(sent=[5] * 20 + [900] + [5] * 6, started=[5] * 20 + [60] * 7).beside(queue(600))
    assert counted.growing_for == 0


def test_what_waits_for_its_time_in_a_worker_is_no_growth():
    assert flow(sent=[20] * 30, started=[10] * 30).beside(queue(3)).growing_for == 0


def test_nothing_is_said_of_what_is_not_known():
    counted = flow(sent=[20] * 30).beside(queue(500))
    assert (counted.drain_rate, counted.clears_in, counted.growing_for) == (None, None, None)
    assert QueueFlow().beside(queue(500, consumers=0)) == QueueFlow()
    assert flow(sent=[1], started=[1]).beside(queue(None)).clears_in is None


def test_nothing_is_begun_where_nobody_consumes():
    counted = flow(sent=[20] * 30).beside(queue(500, consumers=0))
    assert (counted.drain_rate, counted.is_growing) == (0, True)


@pytest.mark.parametrize(("second", "minutes"), [(5, 11), (15, 12)])
def test_a_minute_counts_when_all_have_told_of_it(second, minutes):
    counted = flow(sent=[20] * 13, started=[10] * 13, now=1_800_000_000 + second).beside(queue(500))
    assert counted.growing_for == minutes * 60


def test_the_longest_wait_is_within_five_per_cent():
    assert flow(sent=[1], waits=[0.1, 3, 70]).longest_wait == pytest.approx(70, rel=0.05)


def test_a_trend_ends_with_what_waits_now():
    trend = flow(sent=[20] * 4, started=[10] * 4).beside(queue(35)).trend
    assert trend[-4:] == [5, 15, 25, 35]


def test_a_trend_begins_with_the_first_minute_that_was_counted():
    trend = flow(sent=[3, 0, 2], started=[4, 0, 2], waits=[2]).beside(queue(0)).trend
    assert trend == [None] * 58 + [0] * 3


def test_what_is_begun_before_its_publisher_has_told_of_it_has_not_waited_for_an_hour():
    trend = flow(sent=[7] * 59 + [3], started=[7] * 59 + [4]).beside(queue(0)).trend
    assert trend == [0] * 61


def test_what_waits_for_a_minute_each_time_is_shown():
    trend = flow(sent=[20] * 59 + [10], started=[19] + [20] * 58 + [11]).beside(queue(0)).trend
    assert trend == [0] + [1] * 59 + [0]


@pytest.mark.parametrize(("depth", "begun"), [(1, 4), (0, 30)])
def test_a_queue_that_has_not_been_empty_is_shown_as_it_was(depth, begun):
    trend = flow(sent=[7] * 59 + [3], started=[7] * 59 + [begun]).beside(queue(depth)).trend
    assert trend == [depth + begun - 3] * 60 + [depth]


def test_what_was_begun_after_hours_waited_all_the_time():
    trend = flow(started=[10] * 10, waits=[3 * 3600]).beside(queue(0)).trend
    assert trend == [100] * 51 + [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]


def test_what_waits_still_has_waited_since_it_came():
    trend = flow(started=[10] * 5).beside(queue(50, oldest_age=timedelta(minutes=20))).trend
    assert trend == [None] * 40 + [100] * 16 + [90, 80, 70, 60, 50]


@pytest.mark.parametrize(("second", "before"), [(5, [0, 0]), (15, [0, 30])])
def test_what_has_just_come_has_not_waited_before(second, before):
    sent, started = [1, 0, 0, 0, 0, 30, 50], [1] + [0] * 6
    counted = flow(sent, started, now=1_800_000_000 + second).beside(queue(80))
    assert counted.trend[-3:] == [*before, 80]
