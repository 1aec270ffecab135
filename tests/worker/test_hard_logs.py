"""Real workers whose tasks log what is not easy to keep."""

import os
import signal

import pytest

from celery_ops import tasks_for
from celery_ops.redelivery import OPEN, causes_of, patience
from celery_ops.task_logs.reading import read_log
from celery_ops.tracking.accounts import read_account
from tests.servers import wait_for
from tests.shop import tasks

from .conftest import reached
from .test_executions import only_redis

MIB = 1024 * 1024


def said(order, way, state="SUCCESS", **arguments):
    """Have a task log in this way, and return what is kept of it."""
    result = tasks.says.delay(order.pk, way, **arguments)
    reached(order, state)
    wait_for(lambda: read_log(result.id).lines, "the log")
    return read_log(result.id)


def messages(log):
    return [line.message for line in log.lines]


@pytest.fixture
def size(redis_server, site):
    """Return the bytes that the store has of all logs of this run's site."""

    def measured(task_id):
        name = f"{site.prefix}:{{~log:{task_id}}}"
        return redis_server.tell(
            "EVAL", "redis.call('SELECT', 1) return redis.call('MEMORY', 'USAGE', ARGV[1])", 0, name
        )

    return measured


@only_redis
def test_a_task_that_logs_a_hundred_thousand_lines_takes_no_more_memory_than_its_first_and_last(worker, order, size):
    log = said(order, "many", number=100_000)
    lines = messages(log)
    assert (lines[0], lines[-1]) == ("line 1 of 100000", "line 100000 of 100000")
    assert len(lines) == 200
    assert log.dropped == 100_000 - len(lines)
    (task,) = tasks_for(order)
    assert task.peak_memory < 8 * MIB
    assert size(task.id) < 40_000


@only_redis
def test_a_line_of_ten_megabytes_is_kept_by_its_beginning(worker, order, size):
    (line,) = messages(said(order, "long", number=10_000_000))
    assert line.startswith("begins xxx")
    assert len(line) <= 2048
    (task,) = tasks_for(order)
    assert task.peak_memory < 64 * MIB  # the task's own text, and what logging makes of it
    assert size(task.id) < 40_000


@only_redis
def test_bytes_broken_formats_escapes_and_secrets_are_lines_like_others(worker, order):
    lines = said(order, "odd", card="zebra-crossing").lines
    assert [line.message for line in lines if line.logger == "site.saying"] == [
        r"b'caf\xc3\xa9'",  # as the worker's own handler has put it into words
        "%d of %s [its arguments do not fit]",
        "%s of %s of %s [its arguments do not fit]",
        "red and plain",
        "the card was [redacted], password=[redacted]",
        "asking https://[redacted]@bank.example/",
    ]
    assert not any(secret in line.message for line in lines for secret in ("zebra", "hunter2", "\x1b"))


@only_redis
@pytest.mark.parametrize("way", ["in_threads", "while_forking"])
def test_what_others_log_meanwhile_is_left_out(worker, order, way):
    assert messages(said(order, way, number=20)) == [f"line {n} of 20" for n in range(1, 21)]


@only_redis
def test_what_a_process_logs_as_it_ends_belongs_to_no_task(worker, order):
    assert messages(said(order, "at_exit", "FAILURE", number=2)) == ["line 1 of 2", "line 2 of 2"]
    assert "Worker" in tasks_for(order)[0].error
    tasks.noop.delay(order.pk)
    reached(order, "SUCCESS")


def test_a_task_whose_process_is_killed_and_that_is_to_run_again_tells_of_both(worker, order, pace):
    result = tasks.outlives.delay(order.pk, pace.file)
    reached(order, "STARTED")
    (line,) = wait_for(lambda: read_log(result.id).lines, "a line of the process that is to be killed")
    os.kill(int(line.message.rpartition(" ")[2]), signal.SIGKILL)
    first, second = wait_for(lambda: read_account(result.id).executions, "the second execution")
    pace.to(1)
    task = reached(order, "SUCCESS")
    assert (task.executions, task.attempts) == (2, 1)
    assert first.pid != second.pid
    assert messages(read_log(result.id)) == [f"the bank is asked by {each.pid}" for each in (first, second)]
    executed = read_account(result.id).executions
    assert causes_of(executed, patience())[1].code == OPEN
