"""What attempts cost: CPU and memory, of real workers of each pool."""

import subprocess
import sys

import pytest

from celery_ops import tasks_for
from celery_ops.info import AttemptCost
from celery_ops.metrics.types import types
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking import costs, facts
from celery_ops.tracking.accounts import read_account
from celery_ops.tracking.costs import UNKNOWN, Cost
from tests.servers import wait_for
from tests.shop import tasks
from tests.worker.conftest import reached

MIB = 1024 * 1024


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_the_cpu_of_a_busy_loop_is_told_and_that_of_a_sleep_is_not(pool, working, order):
    with working(pool):
        tasks.burns.delay(order.pk, 0.3)
        burned = reached(order, "SUCCESS", "burns")
        tasks.long.delay(order.pk, steps=1, pause=0.3)
        slept = reached(order, "SUCCESS", "long")
    assert 0.29 <= burned.cpu_seconds <= 0.5
    assert slept.cpu_seconds < 0.1


def test_greenlets_share_a_thread_so_nobody_knows_their_cpu(working, order):
    with working("gevent"):
        tasks.burns.delay(order.pk, 0.05)
        task = reached(order, "SUCCESS")
    assert task.cpu_seconds is None


#: Two attempts, of which only the first one grows the peak. They are of a forked process, as in a prefork pool: for one
#: that was begun anew Linux takes the peak of whoever began it for its own.
GROWS = """
import os
import sys
import django.conf
django.conf.settings.configure()
from celery_ops.tracking import costs
costs.one_at_a_time()
if pid := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
for size in (64, 32):
    details = {}
    costs.begin(details)
    held = b"x" * (size * 1024 * 1024)
    del held
    print(costs.of(details).peak_memory)
"""


def test_the_growth_of_memory_is_told():
    said = subprocess.run([sys.executable, "-c", GROWS], capture_output=True, text=True, check=True).stdout
    first, then = map(int, said.split())
    assert 60 * MIB <= first <= 70 * MIB
    assert then < MIB


def test_a_workers_task_says_by_how_much_it_grew(working, order):
    with working("solo"):
        tasks.grows.delay(order.pk, 300)
        first = reached(order, "SUCCESS", "grows")
        tasks.noop.delay(order.pk)
        then = reached(order, "SUCCESS", "noop")
    assert first.peak_memory > 32 * MIB  # the process may have had more before than it has now
    assert then.peak_memory < 8 * MIB


def test_each_attempt_has_its_own(working, order):
    with working("prefork"):
        task_id = tasks.burns_and_retries.delay(order.pk, [0.1, 0.3]).id
        task = reached(order, "SUCCESS")
        told = read_account(task_id).costs
        (other,) = tasks_for(order)
    assert [cost.attempt for cost in told] == [1, 2]
    assert 0.09 <= told[0].cpu_seconds < 0.25 <= told[1].cpu_seconds
    last = AttemptCost(2, task.cpu_seconds, task.peak_memory)
    assert last == AttemptCost(2, other.cpu_seconds, other.peak_memory) == told[1]


def test_a_failure_has_one_and_a_killed_process_has_none(working, order):
    with working("prefork"):
        tasks.fails.delay(order.pk)
        failed = reached(order, "FAILURE", "fails")
        tasks.dies.delay(order.pk)
        dead = reached(order, "FAILURE", "dies")
    assert failed.cpu_seconds is not None
    assert (dead.cpu_seconds, dead.peak_memory) == (None, None)


def test_one_that_runs_has_none_yet(working, order, pace):
    with working("prefork"):
        tasks.paced.delay(order.pk, pace.file, steps=1)
        task = reached(order, "STARTED")
        pace.to(1)
        reached(order, "SUCCESS")
    assert (task.cpu_seconds, task.peak_memory) == (None, None)


def test_a_worker_counts_what_its_tasks_cost_also_those_that_nobody_tracks(working):
    with working("prefork"):
        for _ in range(3):
            tasks.untracked_burns.delay(0.1)

        def counted():
            cost = types(WINDOWS["1h"]).costs.get("tests.shop.tasks.untracked_burns")
            return cost if cost and (cost.cpu_seconds or 0) >= 0.28 else None

        assert wait_for(counted, "the worker's numbers").cpu_seconds < 0.8


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (Cost(0.0123, 0), "/12"),
        (Cost(0.0, 0), "/0"),
        (Cost(61.5, 3 * MIB), "/61500/3072"),
        (Cost(None, 4096), "//4"),
        (Cost(None, 0), ""),
        (UNKNOWN, ""),
    ],
)
def test_it_is_written_behind_the_time_and_read_again(cost, text):
    assert costs.text_of(cost) == text
    fact = f"1234{text}"
    assert facts.number_in(fact) == 1234
    assert costs.text_of(costs.cost_in(fact)) == text


@pytest.mark.parametrize(
    "fact", [None, "", "12", "12/", "12/x", "12/x/y", "12/-1", "12/1/-1", f"12/{'9' * 30}", "12/٣"]
)
def test_what_is_no_cost_is_none(fact):
    assert costs.cost_in(fact) in (UNKNOWN, Cost(None, 0), Cost(0.001, None))


def test_a_process_without_getrusage_tells_none(monkeypatch):
    monkeypatch.setattr(costs._Process, "whose", None)
    details = {}
    costs.begin(details)
    assert costs.of(details) == UNKNOWN
