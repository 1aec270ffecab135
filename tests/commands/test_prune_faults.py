"""``celery_ops prune`` killed, beside itself, and beside others who hold what it wants."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import threading
import time

import pytest
from django.db import connection
from django_celery_results.models import TaskResult

from celery_ops.pruning import batches
from celery_ops.pruning import prune as pruning
from celery_ops.pruning.prune import FINAL
from tests.commands import planted
from tests.servers import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.mariadb]

KILLS = 6
ROWS = 3000
PRUNE = ("prune", "--results", "--older-than", "30d", "--format", "json")


def deleted(stdout: str) -> int:
    return json.loads(stdout)["results"]["deleted"]


def old_rows() -> int:
    return pruning.old_results(pruning.cutoff_of(), FINAL).rows.count()


def killed_at_random(shell) -> tuple[int, int]:
    """Prune in small batches, kill that in the middle, and return how many old rows there were and are."""
    before = old_rows()
    child = shell.start(*PRUNE[:-2], "--verbosity", "0", "--batch-size", "10")
    wait_for(lambda: old_rows() < before, "the first batch")
    time.sleep(random.uniform(0, 0.1))  # at random: there is nothing to wait for
    os.kill(child.pid, signal.SIGKILL)
    assert shell.code(child) == -signal.SIGKILL
    return before, old_rows()


@pytest.mark.xdist_group("shell")
def test_killed_at_random_it_keeps_what_is_young_and_a_rerun_takes_the_rest(shell):
    planted.results(ROWS), planted.results(50, planted.YOUNG)
    for _ in range(KILLS):
        before, after = killed_at_random(shell)
        assert 0 < after < before
    code, stdout, _stderr = shell.ended(*PRUNE)
    assert (code, deleted(stdout), TaskResult.objects.count()) == (0, after, 50)


@pytest.mark.xdist_group("shell")
def test_two_at_once_both_end_well_and_their_sums_match(shell):
    planted.results(ROWS), planted.results(50, planted.YOUNG)
    children = [shell.start(*PRUNE, "--batch-size", "100") for _ in range(2)]
    assert [shell.code(child) for child in children] == [0, 0]
    printed = [child.stdout.read_text() for child in children]
    assert (sum(map(deleted, printed)), TaskResult.objects.count()) == (ROWS, 50)


def prune(**options) -> pruning.Pruned:
    return pruning.prune(pruning.old_results(pruning.cutoff_of()), **options)


@pytest.fixture
def other():
    """Somebody else's connection to the same database, inside a transaction that has locked a result."""
    planted.results(5)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 0")
        name = connection.settings_dict["NAME"]
        other = sqlite3.connect(name, isolation_level=None, check_same_thread=False, uri=name.startswith("file:"))
        other.execute("BEGIN IMMEDIATE")
    else:
        other = connection.copy()
        other.inc_thread_sharing()
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT * FROM django_celery_results_taskresult WHERE task_id = '1' FOR UPDATE")
    yield other
    other.rollback()
    other.close()
    connection.close()


def test_it_waits_for_a_lock_that_goes_away(other):
    threading.Timer(0.2, other.rollback).start()
    assert (prune().deleted, TaskResult.objects.count()) == (5, 0)


def impatient() -> list[int]:
    """Prune, and give up soon; return how many went with each batch."""
    old = pruning.old_results(pruning.cutoff_of())
    return list(batches.Batches(old.rows, old.moment, patience=(0.01, 0.01)).delete())


def test_a_lock_that_stays_is_an_error(other):
    with pytest.raises((batches.RowsHeld, batches.OperationalError)):
        impatient()


def test_a_lock_that_stays_is_no_error_where_the_time_is_limited(other):
    assert not prune(until=0).complete


def test_rows_beside_a_locked_one_go_at_once(other):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks all rows")
    with contextlib.suppress(batches.RowsHeld):
        impatient()
    assert list(TaskResult.objects.values_list("task_id", flat=True)) == ["1"]


def test_rows_that_went_before_the_time_ran_out_are_counted(other, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks all rows")
    monkeypatch.setattr(batches.Batches, "_left", _time_up)
    pruned = prune()
    assert (pruned.deleted, pruned.complete) == (4, False)


def _time_up(*_arguments: object) -> None:
    raise batches.TimeUp


@pytest.mark.skipif(os.environ.get("TEST_DATABASE") != "postgresql", reason="a setting of PostgreSQL")
def test_pages_go_to_the_disk_as_they_are_written():
    planted.results(5)
    held_back = set()

    def ask(execute, statement, *rest):
        answer = execute(statement, *rest)
        if statement.startswith("DELETE") or "LIMIT" in statement:  # deletes a batch, or looks for one
            with connection.connection.cursor() as cursor:
                held_back.add(cursor.execute("SHOW backend_flush_after").fetchone()[0])
        return answer

    with connection.execute_wrapper(ask):
        prune()
    assert held_back == {"256kB"}
