"""Somebody watches the schedules while beat is killed, runs by hand what was missed, and sees it come back, then twice.

A minute of silence takes some seconds here; ``tests/benchmarks/schedule_truth.py`` has the whole minutes.
"""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from celery_ops.models import TaskRunRecord
from tests.beating import schedule_of
from tests.celery import app
from tests.conftest import make_user
from tests.schedules.beats import SHORT, Beat, occurred

pytestmark = pytest.mark.browser

TASK = "tests.shop.tasks.process_payment"


@pytest.fixture
def operator(transactional_db):
    names = ("view_payload", "manage_schedules", "add_taskrunrecord", "view_taskrunrecord")
    return make_user("operator", *(f"celery_ops.{name}" for name in names), is_staff=True)


@pytest.fixture
def make_beat(site, settings, monkeypatch):
    """Start beats of this site, whose lists show what is tracked."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}
    monkeypatch.setattr("celery_ops.schedules.report.SILENT_AFTER", 4)
    monkeypatch.setattr("celery_ops.schedules.problems.OVERDUE_AFTER", 3)
    monkeypatch.setattr("celery_ops.schedules.beat_problems.OVERLAP", timedelta(seconds=1))
    before, beats = app.conf.beat_schedule, []

    def make(entries):
        app.conf.beat_schedule = schedule_of(entries)
        beats.append(Beat({**site.environment, "TEST_HURRY": json.dumps(SHORT)}, entries))
        return beats[-1]

    yield make
    app.conf.beat_schedule = before
    for beat in beats:
        beat.stop()


def test_beat_is_killed_its_entry_missed_run_by_hand_back_on_time_and_then_doubled(
    visit, worker, order, operator, make_beat, expect
):
    entries = {"settle": {"task": TASK, "every": 2, "args": [order.pk]}}
    first = make_beat(entries)
    occurred("settle")
    page = visit(reverse("celery_ops:schedule-list"), operator)
    row = page.locator('[data-key="settle"]')
    expect(page.locator(".celery-ops-beats")).to_contain_text(f"pid {first.pid}")
    expect(row).to_contain_text("Every 2 seconds")
    expect(row).to_contain_text("Success")
    expect(page.get_by_text("What is wrong")).to_have_count(0)

    first.kill()  # and nobody touches the page
    expect(page.locator(".celery-ops-problems")).to_contain_text(f"({first.pid}) is silent: nothing is sent.")
    expect(row).to_contain_text("It is overdue")

    row.get_by_role("link", name="settle").click()
    expect(page.get_by_text("It is overdue")).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("settle was sent.")).to_be_visible()
    record = TaskRunRecord.objects.get()
    assert (record.task_name, record.args, record.user) == (TASK, [order.pk], operator)

    second = make_beat(entries)
    expect(page.locator(".celery-ops-problems")).to_have_count(0)
    expect(page.get_by_role("table", name="Occurrences")).to_contain_text("succeeded")
    page.goto(reverse("celery_ops:schedule-list"))
    expect(page.locator(".celery-ops-beats")).to_contain_text(f"pid {second.pid}")
    expect(row).not_to_contain_text("It is overdue")
    expect(page.locator(".celery-ops-problems")).to_have_count(0)

    third = make_beat(entries)
    problems = page.locator(".celery-ops-problems")
    expect(problems).to_contain_text("Two beats run at once, and everything is sent by each")
    expect(problems).to_contain_text(f"({second.pid})")
    expect(problems).to_contain_text(f"({third.pid})")
    third.stop()
    expect(problems).to_have_count(0)
    assert visit.troubles == []
