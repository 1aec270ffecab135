"""Where a task of a real worker is, asked of each pool."""

import os
import signal
import time
from pathlib import Path

import pytest
from celery.utils import uuid

from celery_ops.backends.remote import snapshot
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.exceptions import NoStack, NotRunning
from celery_ops.stacks.asking import stack_of
from tests.conftest import broker
from tests.servers import stand_still, wait_for
from tests.shop import tasks
from tests.worker.conftest import reached

#: Pools that answer while they run a task.
ANSWERING = ("prefork", "threads", "gevent", "eventlet")


def running(order, pace):
    """Start a task that runs until its pace is let go, and return its id."""
    result = tasks.paced.delay(order.pk, pace.file, steps=1)
    reached(order, "STARTED")
    return result.id


@pytest.mark.parametrize("pool", ANSWERING)
def test_a_running_task_is_where_it_is_and_not_when_it_is_over(pool, working, order, pace):
    with working(pool) as worker:
        task_id = running(order, pace)
        stack = wait_for(lambda: stack_of(task_id), "the worker to know that it runs")
        assert (stack.hostname, stack.name) == (worker.hostname, "tests.shop.tasks.paced")
        own = [frame for frame in stack.frames if frame.is_own]
        assert [(frame.file, frame.function) for frame in own] == [("tests/shop/tasks.py", "paced")]
        assert own[0].code.startswith(("while os.path.getsize", "set_progress(", "time.sleep("))
        pace.to(1)
        reached(order, "SUCCESS")
        with pytest.raises(NotRunning):
            stack_of(task_id)


def test_a_process_of_a_prefork_pool_shows_the_tasks_own_calls_alone(working, order, pace):
    with working("prefork"):
        stack = stack_of(running(order, pace))
        assert (stack.frames[0].file, stack.frames[0].function) == ("tests/shop/tasks.py", "paced")
        pace.to(1)


def test_of_a_deep_recursion_the_middle_is_left_out(working, order, pace):
    with working("prefork"):
        task_id = tasks.recurses.delay(order.pk, pace.file, 500).id
        reached(order, "STARTED")
        stack = stack_of(task_id)
        assert len(stack.frames) == 80
        assert stack.left_out > 400
        assert stack.frames[0].function == "recurses"
        assert {frame.function for frame in stack.frames[1:70]} == {"_recurse"}
        pace.to(1)
        reached(order, "SUCCESS")


def test_a_frozen_process_of_a_pool_is_said_to_be_silent_and_asked_again_later(working, order, pace):
    with working("prefork") as worker:
        task_id = running(order, pace)
        pid = stack_of(task_id).pid
        stand_still(pid)
        try:
            with pytest.raises(NoStack, match="does not answer: it is stopped"):
                stack_of(task_id, worker.hostname)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert wait_for(lambda: stack_of(task_id, worker.hostname), "it to go on").pid == pid
        pace.to(1)
        reached(order, "SUCCESS")


def test_a_process_that_took_the_place_of_a_killed_one_is_asked(working, order, pace):
    with working("prefork"):
        tasks.dies.delay(order.pk)
        reached(order, "FAILURE")
        task_id = running(order, pace)
        assert stack_of(task_id).frames
        pace.to(1)
        reached(order, "SUCCESS")


def test_a_task_that_forks_goes_on_and_is_asked_afterwards(working, order, pace):
    with working("prefork"):
        task_id = tasks.forks.delay(order.pk, pace.file).id
        reached(order, "STARTED")
        said = Path(f"{pace.file}.forked")
        wait_for(lambda: said.exists() and said.read_text(), "the fork")
        assert said.read_text() == "7 0"  # Python 3.12 warns of a fork beside threads
        assert stack_of(task_id).frames
        pace.to(1)
        reached(order, "SUCCESS")


def test_a_frozen_worker_is_named_within_the_deadline(working, order, pace):
    with working("prefork", CONTROL_TIMEOUT=0.5) as worker:
        task_id = running(order, pace)
        stack_of(task_id, worker.hostname)
        for hostname in (worker.hostname, None):
            with worker.frozen():
                begun = time.monotonic()
                with pytest.raises(NoStack, match=worker.hostname):
                    stack_of(task_id, hostname)
                assert time.monotonic() - begun < 5
        pace.to(1)
        reached(order, "SUCCESS")


def test_a_solo_worker_is_said_to_answer_nothing_while_it_runs_a_task(working, order, pace):
    with working("solo", CONTROL_TIMEOUT=0.5) as worker:
        snapshot.snapshot()
        task_id = running(order, pace)
        with pytest.raises(NoStack, match=f"{worker.hostname} has a solo pool"):
            stack_of(task_id, worker.hostname)
        pace.to(1)
        reached(order, "SUCCESS")


@pytest.mark.parametrize("task_id", ["", "nobody", "x" * 5000, "a/\n\x00b"], ids=["", "name", "long", "odd"])
def test_a_task_that_nobody_runs_is_not_running(task_id, working):
    with working("prefork"), pytest.raises(NotRunning):
        stack_of(task_id)


def test_nobody_waits_for_a_site_without_workers(settings, redis_server, redis_store):
    with broker(f"{redis_server.url}/44"):
        known_workers().forget()
        with pytest.raises(NotRunning):
            stack_of(uuid())


def test_no_local_value_is_told(working, order, pace):
    with working("threads"):
        result = tasks.paced.delay(order.pk, pace=pace.file, steps=1)
        reached(order, "STARTED")
        assert pace.file not in repr(stack_of(result.id))
        pace.to(1)
        reached(order, "SUCCESS")
