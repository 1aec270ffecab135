"""What real workers keep of what their tasks log."""

import contextlib
import time

import redis

from celery_ops import tasks_for
from celery_ops.task_logs.reading import read_log
from tests.servers import wait_for
from tests.shop import tasks

from .conftest import reached


def said(task_id, after=0):
    """Return each line as its attempt and its message."""
    return [(line.attempt, line.message) for line in read_log(task_id, after).lines]


def test_each_attempt_keeps_its_own_lines(worker, order):
    result = tasks.logs.delay(order.pk, lines=2, times=2, fate="fails")
    assert reached(order, "FAILURE").attempts == 3
    expected = [(n, f"attempt {n}: line {line} of 2") for n in (1, 2, 3) for line in (1, 2)]
    assert said(result.id) == expected
    log = read_log(result.id)
    assert [line.n for line in log.lines] == [1, 2, 3, 4, 5, 6]
    assert {(line.level, line.logger) for line in log.lines} == {("INFO", "tests.shop.tasks")}
    assert said(result.id, after=4) == expected[4:]
    assert (log.next, log.dropped, log.task_name) == (6, 0, tasks.logs.name)


def test_a_line_is_there_while_its_task_runs(worker, order, pace):
    result = tasks.logs.delay(order.pk, lines=3, pace=pace.file)
    reached(order, "STARTED")
    for number in (1, 2):
        pace.to(number)
        began = time.monotonic()
        wait_for(lambda number=number: len(said(result.id)) == number, "the line")
        assert time.monotonic() - began < 2
    assert [task.state for task in tasks_for(order)] == ["STARTED"]
    pace.to(3)
    reached(order, "SUCCESS")
    assert len(said(result.id)) == 3


def test_what_a_killed_child_logged_is_kept(worker, order):
    result = tasks.logs.delay(order.pk, lines=3, fate="dies")
    assert "Worker" in reached(order, "FAILURE").error
    assert said(result.id) == [(1, f"attempt 1: line {number} of 3") for number in (1, 2, 3)]


def kept_raw(site):
    """Return all that the store has, as it lies there."""
    with contextlib.closing(redis.Redis.from_url(site.store, protocol=2)) as client:
        return repr([client.hgetall(key) for key in client.keys(f"{site.prefix}:*") if client.type(key) == b"hash"])


def test_no_secret_reaches_the_store(worker, site, order):
    result = tasks.logs.delay(order.pk, lines=1, card="zebra-crossing")
    reached(order, "SUCCESS")
    assert said(result.id)[1:] == [(1, "the card was [redacted], the password=[redacted]")]
    everything = kept_raw(site)
    assert "attempt 1" in everything
    assert "zebra" not in everything
    assert "hunter2" not in everything


def test_a_task_that_nobody_tracks_is_not_listened_to(worker, site):
    result = tasks.untracked_logs.delay(3)
    assert result.get(timeout=60) == 3
    assert said(result.id) == []
