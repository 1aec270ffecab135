"""What real workers keep of what their tasks log."""

import contextlib
import json
import time
import uuid

import pytest
import redis

from celery_ops import tasks_for
from celery_ops.task_logs.reading import read_log
from tests.conftest import visiting
from tests.servers import Site, Worker, skip_without, wait_for
from tests.shop import tasks

from .conftest import reached
from .test_executions import only_redis


def said(task_id, after=0):
    """Return each line as its attempt and its message."""
    return [(line.attempt, line.message) for line in read_log(task_id, after).lines]


def test_each_attempt_keeps_its_own_lines(worker, order):
    result = tasks.logs.delay(order.pk, lines=2, times=2, fate="fails")
    assert reached(order, "FAILURE").attempts == 3
    expected = [(n, f"attempt {n}: line {line} of 2") for n in (1, 2, 3) for line in (1, 2)]
    wait_for(lambda: said(result.id) == expected, "what each child has to tell")  # some a moment later
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


@only_redis
def test_a_delivery_that_died_keeps_its_lines_beside_the_next_ones(worker, order, pace, redis_server):
    elsewhere = f"elsewhere-{uuid.uuid4().hex[:6]}"
    result = tasks.logs.apply_async((order.pk,), {"lines": 2, "pace": pace.file}, queue=elsewhere)
    message = redis_server.tell_broker("RPOP", elsewhere)
    redis_server.tell_broker("LPUSH", "celery", message, message)
    pace.to(1)
    wait_for(lambda: len(said(result.id)) == 2, "the first line of both")
    pace.to(2)
    reached(order, "SUCCESS")
    wait_for(lambda: len(said(result.id)) == 4, "the lines of both")
    assert said(result.id) == [(1, f"attempt 1: line {number} of 2") for number in (1, 2, 1, 2)]


# -- pools, one after the other


@pytest.fixture(params=["solo", "threads", "gevent", "eventlet"])
def pool(request, redis_server, settings):
    """Visit a site whose only worker has this pool, and keeps the lines of all tasks."""
    if request.param in ("gevent", "eventlet"):
        skip_without(request.param)
    site = Site(f"{redis_server.url}/48", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    environment = {**site.environment, "TEST_CELERY_OPS": json.dumps({"LOGS": "all"})}
    name = f"{request.param}-{uuid.uuid4().hex[:6]}@test"
    worker = Worker(name, environment, "-P", request.param, "-c", "2", app="tests.quick_app")
    with visiting(site, settings):
        yield request.param
    worker.stop()


def test_every_pool_tells_the_lines_of_its_tasks_apart(pool, order, other, pace):
    together = 1 if pool == "solo" else 2
    running = [tasks.logs.delay(obj.pk, lines=2, pace=pace.file) for obj in (order, other)[:together]]
    pace.to(1)
    for result in running:
        wait_for(lambda result=result: said(result.id) == [(1, "attempt 1: line 1 of 2")], "a line of a running task")
    pace.to(2)
    retried = tasks.logs.delay(order.pk, lines=1, times=1)
    untracked = tasks.untracked_logs.delay(2)
    for result in running:
        wait_for(lambda result=result: len(said(result.id)) == 2, "its last line")
    wait_for(lambda: said(retried.id) == [(n, f"attempt {n}: line 1 of 1") for n in (1, 2)], "both attempts")
    wait_for(lambda: said(untracked.id) == [(1, "line 1"), (1, "line 2")], "those of a task that nobody tracks")
