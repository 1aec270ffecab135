"""Numbers of a site that counts nothing, from its stored results."""

import time
from datetime import datetime, timedelta, timezone

import pytest

from celery_ops import states
from celery_ops.backends.results import numbers as results_numbers
from celery_ops.backends.results.numbers import stored_numbers
from celery_ops.exceptions import BackendUnavailable
from celery_ops.info import TaskInfo
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.windows import WINDOWS

from .result_rows import plant

pytestmark = pytest.mark.django_db

NOW = 1_790_000_000
HOUR, DAY = WINDOWS["1h"], WINDOWS["24h"]


def moment(seconds):
    return datetime.fromtimestamp(NOW - seconds, timezone.utc)


def ended(id, state, ago, *, name="shop.mail", took=None):
    """A task that ended ``ago`` seconds before now, and took so many."""
    end = moment(ago)
    started = None if took is None else end - timedelta(seconds=took)
    return TaskInfo(id, name, state, created_at=started, started_at=started, finished_at=end)


@pytest.mark.database
def test_results_are_counted_by_name_and_state():
    plant(
        ended("1", states.SUCCESS, 60, took=2),
        ended("2", states.SUCCESS, 120, took=4),
        ended("3", states.FAILURE, 180, took=8),
        ended("4", states.RETRY, 240),
        ended("5", states.SUCCESS, 60, name="shop.pay"),
        ended("6", states.STARTED, 60, name="shop.pay"),
    )
    by_task = stored_numbers(HOUR, NOW).by_task
    mail, pay = by_task["shop.mail"], by_task["shop.pay"]
    assert (mail.run_count, mail.count(Cell.FAILURE), mail.count(Cell.RETRY)) == (3, 1, 1)
    assert mail.run_total == pytest.approx(14)
    assert mail.run.percentile(50) == pytest.approx(4, rel=0.05)
    assert mail.wait.percentile(50) is None
    assert (pay.run_count, pay.run.percentile(50), pay.failure_rate) == (1, None, 0)


def test_many_short_runs_come_to_what_they_took():
    plant(*(ended(str(number), states.SUCCESS, 60, took=0.004) for number in range(50)))
    assert stored_numbers(HOUR, NOW).of().run_total == pytest.approx(0.2)


def test_a_point_is_where_a_task_ended():
    plant(ended("1", states.SUCCESS, 0), ended("2", states.SUCCESS, 600), ended("3", states.SUCCESS, 7200))
    points = stored_numbers(HOUR, NOW).of().series[states.SUCCESS]
    assert (len(points), sum(points), points[-1], points[-11]) == (60, 2, 1, 1)
    assert stored_numbers(DAY, NOW).of().count(Cell.SUCCESS) == 3


def test_the_last_failure_is_told_exactly():
    plant(ended("1", states.FAILURE, 61.5), ended("2", states.FAILURE, 900), ended("3", states.SUCCESS, 1, name="a"))
    assert stored_numbers(HOUR, NOW).failed_at == {"shop.mail": moment(61.5)}


def test_it_is_said_how_far_the_newest_rows_reach(monkeypatch):
    plant(*(ended(str(ago), states.SUCCESS, ago) for ago in (300, 200, 100)))
    assert stored_numbers(HOUR, NOW).since is None
    monkeypatch.setattr(results_numbers, "NEWEST", 2)
    stored = stored_numbers(HOUR, NOW)
    assert (stored.of().run_count, stored.since) == (2, moment(200))


def test_a_result_by_a_clock_ahead_does_not_hide_that_older_ones_are_left_out(monkeypatch):
    plant(*(ended(str(ago), states.SUCCESS, ago) for ago in (300, 200, -7200)))
    monkeypatch.setattr(results_numbers, "NEWEST", 2)
    assert stored_numbers(HOUR, NOW).since == moment(200)


def test_nothing_is_known_of_nothing():
    stored = stored_numbers(DAY, time.time())
    assert (stored.by_task, stored.of(), stored.since) == ({}, None, None)


def test_a_site_without_results_says_so(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_celery_results"]
    with pytest.raises(BackendUnavailable):
        stored_numbers(DAY)
