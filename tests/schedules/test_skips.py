"""An entry of which an occurrence is being skipped: its last run lies ahead, and nothing is wrong with it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from celery_ops.models import ControlRecord
from celery_ops.schedules.acting import skip
from celery_ops.schedules.report import report
from tests.conftest import browser_of, make_user
from tests.ops.task_backends import Held, use
from tests.pages import html_of, text_of
from tests.schedule_source import OFTEN, beat, entry, keep, now, tell

pytestmark = pytest.mark.django_db(transaction=True)

AHEAD = timedelta(hours=3)


@pytest.fixture(autouse=True)
def _site(memory_store, settings, loaded_tasks):
    use(settings, Held)
    beat()


def codes():
    (one,) = report(asks_around=False).schedules
    return [problem.code for problem in one.problems]


def skipped_of(due, ran):
    """Let the journal have skipped what is due then. Return the entry with what its source made of that."""
    ControlRecord.objects.create(
        action=ControlRecord.SKIP_OCCURRENCE, target="nightly", parameters={"due": due.isoformat()}
    )
    return entry(last_run_at=ran)


def test_a_last_run_ahead_that_nobody_asked_for_is_a_problem(monkeypatch):
    keep(monkeypatch, entry(last_run_at=now() + AHEAD))
    assert codes() == ["last_run_ahead"]


@pytest.mark.parametrize(("rounded", "expected"), [(0, []), (400, []), (60_000, ["last_run_ahead"])])
def test_the_occurrence_that_the_journal_says_was_skipped_is_none(monkeypatch, rounded, expected):
    due = now() + AHEAD
    keep(monkeypatch, skipped_of(due, due - timedelta(milliseconds=rounded)))
    assert codes() == expected


@pytest.mark.parametrize("parameters", [[], {"due": 7}, {"due": "soon"}, {"due": "2026-13-40T00:00"}])
def test_a_row_of_the_journal_that_says_no_time_skips_nothing(monkeypatch, parameters):
    ControlRecord.objects.create(action="skip_occurrence", target="nightly", parameters=parameters)
    keep(monkeypatch, entry(last_run_at=now() + AHEAD))
    assert codes() == ["last_run_ahead"]


def test_the_page_of_a_schedule_says_which_occurrence_is_skipped(monkeypatch):
    due = now() + AHEAD
    keep(monkeypatch, skipped_of(due, due))
    browser = browser_of(make_user("viewer", "celery_ops.view_ops"))
    page = text_of(html_of(browser.get(reverse("celery_ops:schedule-detail", args=["nightly"]))))
    assert "Skipped in 2 h" in page
    assert "lies" not in page


def test_a_row_of_django_celery_beat_is_well_after_its_next_occurrence_was_skipped(db):
    models = pytest.importorskip("django_celery_beat.models")
    every = models.IntervalSchedule.objects.create(every=2, period="hours")
    models.PeriodicTask.objects.create(name="row", task="tests.shop.tasks.untracked_noop", args="[1]", interval=every)
    before = next(one for one in report(asks_around=False).schedules if one.entry.name == "row")
    skip(before, before.next_due, make_user("manager", "celery_ops.manage_schedules"))
    after = next(one for one in report(asks_around=False).schedules if one.entry.name == "row")
    assert "last_run_ahead" not in [problem.code for problem in after.problems]
    assert abs(after.skipped - before.next_due) < timedelta(seconds=1)
    assert abs(after.next_due - before.next_due - timedelta(hours=2)) < timedelta(seconds=2)


def test_a_stretch_that_beat_missed_is_listed_time_by_time(monkeypatch):
    keep(monkeypatch, entry(schedule=OFTEN))
    tell("nightly", (3600, 3599, "a"), (3590, 3542, "b"), due=-5)
    browser = browser_of(make_user("viewer", "celery_ops.view_ops"))
    page = text_of(html_of(browser.get(reverse("celery_ops:schedule-detail", args=["nightly"]))))
    assert "4 occurrences were due while nothing was sent for them." in page
    assert page.count("not sent") >= 4
