"""A person reads what a task has logged, and what it logs as it runs."""

import pytest
from django.urls import reverse

from tests.conftest import make_user
from tests.shop import tasks

from .conftest import told

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("worker")]


@pytest.fixture
def operator(transactional_db):
    return make_user("operator", "celery_ops.view_payload", is_staff=True)


def page_of(order):
    return f"/orders/{order.pk}/"


def attempts(place, number):
    """Return the lines of one attempt."""
    return place.locator("celery-ops-log details").nth(number - 1).locator("li code")


@pytest.mark.parametrize("scripted", [True, False], ids=["with script", "without"])
def test_a_panel_shows_the_log_of_each_attempt_of_a_task_that_failed(visit, order, operator, expect, scripted):
    tasks.logs.delay(order.pk, lines=2, times=2, fate="fails", card="zebra-crossing")
    told(order, lambda task: task.state == "FAILURE", "the failure")
    page = visit(page_of(order), operator, java_script_enabled=scripted)
    page.get_by_role("link", name="Details").click()
    place = page.get_by_role("dialog") if scripted else page
    for number in (1, 2, 3):
        card = "the card was [redacted], the password=[redacted]"
        lines = [f"attempt {number}: line 1 of 2", f"attempt {number}: line 2 of 2", card]
        expect(attempts(place, number)).to_have_text(lines)
        expect(attempts(place, number).first).to_be_visible()
    assert visit.troubles == []


@pytest.mark.parametrize("where", ["panel", "page"])
def test_a_running_task_shows_its_lines_as_they_come(visit, order, operator, expect, pace, where):
    result = tasks.logs.delay(order.pk, lines=4, times=1, pace=pace.file)
    told(order, lambda task: task.state == "STARTED", "the start")
    if where == "panel":
        page = visit(page_of(order), operator)
        page.get_by_role("link", name="Details").click()
        expect(page.get_by_role("dialog")).to_be_visible()
    else:
        page = visit(reverse("celery_ops:task-detail", args=[result.id]), operator)
    page.evaluate("window.stayed = true")
    expect(page.get_by_text("Nothing is logged yet")).to_be_visible()
    for step in (1, 3):
        pace.to(step)
        expect(attempts(page, 1)).to_have_text([f"attempt 1: line {line} of 4" for line in range(1, step + 1)])
    pace.to(4)
    expect(attempts(page, 2)).to_have_text([f"attempt 2: line {line} of 4" for line in range(1, 5)])
    expect(page.locator("celery-ops-log[data-final]")).to_be_visible()
    expect(page.locator("[data-waiting]")).to_have_count(0)
    assert page.evaluate("window.stayed")
    assert visit.troubles == []
