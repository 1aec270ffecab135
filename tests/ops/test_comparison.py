"""On a task's page: how long its run took among the runs of the same name."""

from datetime import datetime, timedelta, timezone

import pytest

from celery_ops import states
from celery_ops.exceptions import StoreUnavailable
from celery_ops.info import TaskInfo
from celery_ops.metrics.cells import Total
from tests.pages import html_of, text_of

from .conftest import OPS
from .task_backends import Held
from .test_insight import count

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


def shown(browser, seconds, state=states.SUCCESS):
    ended = datetime.now(timezone.utc)
    begun = ended - timedelta(seconds=seconds)
    Held.hold(TaskInfo("one", "shop.mail", state, created_at=begun, started_at=begun, finished_at=ended))
    return html_of(browser.get(f"{OPS}tasks/one/"))


@pytest.fixture
def runs():
    for seconds in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2):
        count("shop.mail", Total.SUCCESS, seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (30.0, "This run took 30.0 s: longer than 90 % of the 10 runs of the last 7 days."),
        (0.15, "This run took 150 ms: shorter than 90 % of the 10 runs of the last 7 days."),
        (500.0, "This run took 8 min 20 s: longer than 100 % of the 10 runs of the last 7 days."),
    ],
)
def test_a_run_is_compared_with_the_others_of_its_name(browser, runs, seconds, sentence):
    page = shown(browser, seconds)
    assert sentence in text_of(page)
    assert 'class="celery-ops-plot celery-ops-strip" role="img"' in page


def test_two_runs_are_no_measure(browser):
    count("shop.mail", Total.SUCCESS, Total.SUCCESS, seconds=1)
    assert "This run took" not in shown(browser, 5)


@pytest.mark.parametrize("state", [states.REVOKED, states.STARTED])
def test_what_did_not_run_to_its_end_is_not_compared(browser, runs, state):
    assert "This run took" not in shown(browser, 5, state)


def test_the_page_goes_on_without_the_store(browser, runs, monkeypatch):
    def away(*args):
        raise StoreUnavailable("away")

    monkeypatch.setattr("celery_ops.views.tasks.comparison.insight", away)
    assert "This run took" not in shown(browser, 5)


def test_a_site_that_does_not_count_compares_nothing(browser, runs, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS": False}
    assert "This run took" not in shown(browser, 5)
