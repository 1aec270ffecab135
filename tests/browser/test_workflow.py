"""A workflow in a browser: a customer's bar over a group, and the page of the whole."""

import pytest
from celery import chord, group
from django.urls import reverse

from tests.shop import tasks

pytestmark = pytest.mark.browser


@pytest.fixture
def pace(tmp_path):
    path = tmp_path / "pace"
    path.touch()
    return path


def test_a_customer_follows_a_group_without_a_reload(visit, order, worker, pace, expect):
    members = [tasks.noop.si(order.pk), tasks.noop.si(order.pk), tasks.paced.si(order.pk, str(pace), 1)]
    result = group(members).delay()
    page = visit(f"/your-order/{order.pk}/?whole={result.id}")
    bar = page.locator("celery-ops-progress")
    expect(bar).to_contain_text("2 of 3 done")
    pace.write_text(".")
    expect(bar).to_contain_text("3 of 3 done")
    expect(bar.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "3")


def test_the_page_of_a_chord_shows_what_is_to_come_and_then_that_it_came(visit, order, worker, pace, staff, expect):
    header = [tasks.paced.si(order.pk, str(pace), 1) for _ in range(20)]
    result = chord(header, tasks.noop.si(order.pk)).delay()
    page = visit(reverse("celery_ops:workflow", args=[result.id]), staff)
    expect(page.locator(".celery-ops-node-frame")).to_have_count(2)
    expect(page.locator(".celery-ops-node.celery-ops-tone--to_come")).to_have_count(1)
    pace.write_text(".")
    expect(page.locator("[data-region=workflow]")).to_contain_text("21 of 21 done")
    expect(page.locator(".celery-ops-node.celery-ops-tone--success")).to_have_count(2)


def test_a_box_of_many_opens(visit, order, worker, staff, expect):
    result = group([tasks.noop.si(order.pk) for _ in range(8)]).delay()
    page = visit(reverse("celery_ops:workflow", args=[result.id]), staff)
    expect(page.locator("[data-region=workflow]")).to_contain_text("8 of 8 done")
    page.locator(".celery-ops-node").click()
    expect(page.locator(".celery-ops-node-frame")).to_have_count(8)


def test_the_whole_of_a_chord_is_run_again_by_a_click(visit, order, worker, tmp_path, staff, expect):
    header = [tasks.noop.si(order.pk) for _ in range(19)] + [tasks.fails_once.si(order.pk, str(tmp_path / "flag"))]
    result = chord(header, tasks.noop.si(order.pk)).delay()
    page = visit(reverse("celery_ops:workflow", args=[result.id]), staff)
    expect(page.locator("[data-region=workflow]")).to_contain_text("19 of 21 done")
    page.get_by_role("link", name="Run the whole again").click()
    expect(page.locator("form.celery-ops-ask")).to_contain_text("19 tasks of it succeeded")
    page.get_by_role("button", name="Run 21 tasks again").click()
    expect(page.locator("[data-region=workflow]")).to_contain_text("21 of 21 done")
    page.get_by_text("It runs this one again:").get_by_role("link").click()
    expect(page.locator("[data-region=workflow]")).to_contain_text("19 of 21 done")
