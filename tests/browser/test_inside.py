"""A person asks a running task's worker where the task is, and sees afterwards what it cost."""

import re

import pytest
from django.urls import reverse

from tests.conftest import make_user
from tests.shop import tasks

from .conftest import told

pytestmark = pytest.mark.browser


@pytest.fixture
def operator(transactional_db):
    return make_user("operator", "celery_ops.view_ops", "celery_ops.view_payload")


@pytest.mark.parametrize("scripted", [True, False], ids=["with script", "without"])
def test_a_running_task_shows_where_it_is(visit, worker, order, pace, operator, expect, scripted):
    task_id = tasks.paced.delay(order.pk, pace.file, steps=1).id
    told(order, lambda task: task.state == "STARTED", "the task to run")
    page = visit(reverse("celery_ops:task-detail", args=[task_id]), operator, java_script_enabled=scripted)
    page.get_by_role("button", name="Ask its worker").click()
    frame = page.locator(".celery-ops-own")
    expect(frame).to_have_count(1)
    expect(frame).to_contain_text("tests/shop/tasks.py")
    expect(frame).to_contain_text("paced")
    expect(page.get_by_text(f"of {worker.hostname}, asked just now")).to_be_visible()
    page.get_by_role("button", name="Ask again").click()
    expect(frame).to_have_count(1)
    pace.to(1)
    told(order, lambda task: task.state == "SUCCESS", "the task to end")
    page.get_by_role("link", name="Back to the live page").click()
    expect(page.get_by_text("Where it is now")).to_have_count(0)
    expect(page.locator(".celery-ops-costs")).to_contain_text("CPU")
    assert visit.troubles == []


@pytest.mark.parametrize("scripted", [True, False], ids=["with script", "without"])
def test_a_panels_details_lead_to_where_a_running_task_is(visit, worker, order, pace, operator, expect, scripted):
    tasks.paced.delay(order.pk, pace.file, steps=1)
    told(order, lambda task: task.state == "STARTED", "the task to run")
    page = visit(f"/orders/{order.pk}/", operator, java_script_enabled=scripted)
    page.get_by_role("link", name="Details").click()
    page.get_by_role("button", name="Ask its worker").click()
    expect(page.locator(".celery-ops-own")).to_contain_text("tests/shop/tasks.py")
    expect(page).to_have_url(re.compile("/stack/#stack$"))
    pace.to(1)
    assert visit.troubles == []


def test_a_task_that_has_ended_meanwhile_is_said_to_be_over(visit, worker, order, pace, operator, expect):
    task_id = tasks.paced.delay(order.pk, pace.file, steps=1).id
    told(order, lambda task: task.state == "STARTED", "the task to run")
    page = visit(reverse("celery_ops:task-detail", args=[task_id]), operator)
    button = page.get_by_role("button", name="Ask its worker")
    expect(button).to_be_visible()
    pace.to(1)
    told(order, lambda task: task.state == "SUCCESS", "the task to end")
    if button.is_visible():  # else the page has noticed itself
        button.click()
        expect(page.get_by_text("The task is not running.")).to_be_visible()
