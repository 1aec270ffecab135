"""What each task did, read in two round trips whatever a process knows of before."""

import pytest

from celery_ops.exceptions import StoreUnavailable
from celery_ops.metrics.cells import Cell, Total
from celery_ops.metrics.types import types
from celery_ops.metrics.windows import WINDOWS
from tests.metrics.test_counting import count, flush

DAY = WINDOWS["24h"]
#: How long the tasks of these tests take, by name.
LENGTHS = {"shop.mail": 0.2, "shop.pay": 3.0, "shop.report": 90.0}


def run(*tasks, queue="mail"):
    for task in tasks:
        count(Total.SUCCESS, LENGTHS[task], task=task, queue=queue)
    flush()


def shown(*tasks):
    """Return how often some tasks ran and how long that took, as a page of them does; None for no task."""
    read = types(DAY)
    read.complete(tasks)
    return {task: (read.numbers[task].run_count, read.numbers[task].run.percentile(50)) for task in tasks}


def expected(*tasks, runs=1):
    return {task: (runs, pytest.approx(LENGTHS[task], rel=0.05)) for task in tasks}


def test_it_takes_two_round_trips_at_first_and_later_and_when_a_task_is_new(redis_store, round_trips):
    run("shop.mail", "shop.pay")
    for new in ([], [], ["shop.report"], []):
        run(*new)
        before = round_trips()
        assert shown("shop.pay", *new) == expected("shop.pay", *new)
        assert round_trips() - before <= 2


def test_what_was_not_read_for_a_page_is_read_when_it_is_asked_for(store):
    run(*LENGTHS)
    types(DAY)
    read = types(DAY)
    read.complete(["shop.mail"])
    assert read.numbers["shop.report"].run.percentile(50) == pytest.approx(90, rel=0.05)
    assert read.numbers["shop.mail"].run.total == 1


def test_a_task_in_a_new_queue_is_all_of_it(store):
    run("shop.mail")
    assert shown("shop.mail") == expected("shop.mail")
    run("shop.mail", queue="slow")
    assert shown("shop.mail") == expected("shop.mail", runs=2)


def test_a_store_that_goes_away_in_between_says_nothing_of_how_long_it_took(store, monkeypatch):
    run("shop.mail")
    types(DAY)
    read = types(DAY)
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "tallies", away)
        with pytest.raises(StoreUnavailable):
            read.complete(["shop.mail"])
    assert read.numbers["shop.mail"].run.percentile(50) is None
    assert read.numbers["shop.mail"].count(Cell.SUCCESS) == 1


def away(*_args):
    raise StoreUnavailable("away")
