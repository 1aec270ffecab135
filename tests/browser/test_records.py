"""A person who may run tasks and nothing else: finds their run in the journal and sees how it ends."""

import re

import pytest

from celery_ops.models import TaskRunRecord
from celery_ops.running.launcher import Run, launch
from tests.conftest import make_user
from tests.shop.tasks import paced

from .test_ops_tasks import keep, rows

pytestmark = pytest.mark.browser

JOURNAL = "/behind/a/prefix/journal/"


@pytest.fixture
def runner(transactional_db):
    return make_user("runner", "celery_ops.add_taskrunrecord")


def test_a_run_is_found_in_the_journal_and_followed_to_its_end_without_a_reload(
    visit, order, worker, pace, runner, expect, settings
):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 1}
    record = launch(Run(paced.name, paced, (order.pk, pace.file, 4)), runner)

    page = visit(JOURNAL, runner)
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator(".celery-ops-state")).to_have_text("Started")
    page.get_by_role("link", name="Paced").click()
    expect(page).to_have_url(re.compile(rf"{JOURNAL}{record.pk}/$"))
    page.evaluate("window.sameDocument = true")

    heading = page.locator("h1 + .celery-ops-state")
    expect(heading).to_have_text("Started")
    pace.to(2)
    expect(page.get_by_text("2 of 4")).to_be_visible()
    pace.to(4)
    expect(heading).to_have_text("Success")
    assert page.evaluate("window.sameDocument")
    assert visit.troubles == []


def test_what_is_over_is_not_asked_for_again_but_by_hand(visit, runner, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 1}
    record = TaskRunRecord.objects.create(task_name=paced.name, task_id=keep("over"), user=runner, send_state="SENT")
    page = visit(f"{JOURNAL}{record.pk}/", runner)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)  # longer than a refresh takes to come: that nothing happens has no event
    assert asked == []
    with page.expect_response(page.url):
        page.keyboard.press("r")


def test_the_filters_lead_to_an_address_that_can_be_shared(visit, order, runner, expect):
    launch(Run(paced.name, paced, (order.pk, "nowhere", 0)), runner)
    page = visit(JOURNAL, runner, java_script_enabled=False)
    page.get_by_label("Task", exact=True).fill("paced")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Sent", exact=True).click()
    expect(rows(page)).to_have_count(1)
    assert "name=paced" in page.url
    assert "send_state=SENT" in page.url
    page.get_by_role("link", name="Not sent").click()
    expect(page.get_by_text("No run matches these filters.")).to_be_visible()
