"""A person among the tasks: finds the failed one, reads it, follows it, and comes back to where they were."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.urls import reverse
from django.utils import timezone
from django_celery_results.models import TaskResult

from tests.planting import plant
from tests.shop.models import Order

from .test_hostile import EVIL

pytestmark = pytest.mark.browser

LIST = "/behind/a/prefix/tasks/"
PAYMENT = "tests.shop.tasks.process_payment"
TRACEBACK = 'Traceback (most recent call last):\n  File "shop/tasks.py", line 41\nValueError: the card was refused'


def keep(task_id, state="SUCCESS", name=PAYMENT, *, ago=timedelta(minutes=5), **fields):
    """Let the results have a task that was created ``ago``."""
    row = TaskResult.objects.create(task_id=task_id, status=state, task_name=name, worker="celery@web-1", **fields)
    created = timezone.now() - ago
    done = created + timedelta(seconds=3)
    TaskResult.objects.filter(pk=row.pk).update(date_created=created, date_started=created, date_done=done)
    return task_id


def fail(task_id, **fields):
    error = '{"exc_type": "ValueError", "exc_message": ["the card was refused"], "exc_module": "builtins"}'
    return keep(task_id, "FAILURE", result=error, traceback=TRACEBACK, **fields)


def rows(page):
    """The rows of tasks that have begun: the store is everybody's, and what another test left waiting is listed too."""
    return page.locator("tr[data-key]:not([data-state=PENDING])")


def test_yesterdays_failure_is_found_copied_followed_and_left_for_the_same_list(
    visit, order, superuser, expect, monkeypatch
):
    monkeypatch.setattr(Order, "get_absolute_url", lambda self: f"/orders/{self.pk}/", raising=False)
    wanted = fail("5e7a1c02-wanted", ago=timedelta(days=1))
    plant(order, PAYMENT, "FAILURE", task_id=wanted)
    fail("today", ago=timedelta(0))
    fail("another", name="tests.shop.tasks.noop", ago=timedelta(days=1))
    keep("went-well", ago=timedelta(days=1))

    page = visit(LIST, superuser, permissions=["clipboard-read", "clipboard-write"])
    expect(rows(page)).to_have_count(4)
    page.get_by_label("Task", exact=True).fill("payment")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Failure 2").click()
    page.get_by_role("link", name="Yesterday").click()
    expect(rows(page)).to_have_count(1)
    found = page.url

    page.get_by_role("link", name="5e7a1c02").click()
    expect(page.get_by_role("heading", name="Charge the card")).to_be_visible()
    page.locator("details", has_text="Traceback").get_by_role("button", name="Copy").click()
    expect(page.locator("[data-announce]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == TRACEBACK

    page.get_by_role("link", name=f"Order {order.pk}").click()
    expect(page).to_have_url(re.compile(f"/orders/{order.pk}/$"))
    page.go_back()
    page.get_by_role("link", name="Back to the list").click()
    expect(page).to_have_url(found)
    expect(rows(page)).to_have_count(1)
    assert visit.troubles == []


def test_a_new_task_appears_by_itself_and_what_was_typed_stays(visit, superuser, expect, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 1}
    keep("first")
    page = visit(LIST, superuser)
    page.get_by_label("Search").fill("half a word")
    fail("second")
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_role("navigation", name="State")).to_contain_text("Failure 1")
    expect(page.get_by_label("Search")).to_have_value("half a word")


def test_the_search_is_a_key_away(visit, superuser, expect):
    page = visit(LIST, superuser)
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()


def test_a_folded_text_stays_folded_when_the_page_refreshes(visit, superuser, expect, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 1}
    task_id = keep("running", "STARTED", task_args='"(1,)"', task_kwargs='"{}"')
    page = visit(f"{LIST}{task_id}/", superuser)
    page.locator("summary", has_text="Arguments").click()
    fail("other")
    TaskResult.objects.filter(task_id=task_id).update(status="FAILURE", traceback=TRACEBACK)
    expect(page.locator("summary", has_text="Traceback")).to_be_visible()
    expect(page.locator("details[data-key=Arguments]")).not_to_have_attribute("open", "")


def test_it_all_works_without_a_script(visit, superuser, expect):
    for number in range(3):
        keep(f"task-{number}")
    fail("failed")
    page = visit(f"{LIST}?page_size=2", superuser, java_script_enabled=False)
    page.get_by_role("link", name="Next").click()
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Search").fill("failed")
    page.get_by_label("Search").press("Enter")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("link", name="failed", exact=True).click()
    expect(page.locator("pre", has_text="Traceback")).to_be_visible()


def test_nothing_reaches_beyond_the_window(visit, order, superuser):
    long = "a.very.long.name." + "of_a_task_that_somebody_wrote_" * 6
    task_id = fail("x" * 200, name=long, ago=timedelta(days=400))
    plant(order, long, "FAILURE", task_id=task_id, worker="w" * 200)
    page = visit(LIST, superuser)
    for path in (LIST, f"{LIST}{task_id}/"):
        page.goto(path)
        for width in (420, 700, 1000, 1400):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


@pytest.fixture
def evil(visit, superuser):
    """A page of the list where workers wrote all of it, and the ids of its tasks."""
    ids = []
    for text in (text.replace("\x00", "") for text in EVIL):
        written = {"result": text, "traceback": text, "task_args": text, "task_kwargs": text, "meta": text}
        ids.append(keep(text, "FAILURE", text, **written))
    return visit(LIST, superuser), ids


def test_nothing_that_a_worker_wrote_runs_in_the_list(evil, visit, expect):
    page, ids = evil
    expect(rows(page)).to_have_count(len(ids))
    assert page.locator(":is([data-region], form) :is(img, svg, b, script)").count() == 0
    assert visit.troubles == []


def test_nothing_that_a_visitor_is_sent_runs_in_the_filters(evil, visit):
    page, ids = evil
    for text in map(quote, ids):
        page.goto(f"{LIST}?q={text}&name={text}&worker={text}&state={text}&since={text}&sort={text}&cursor={text}")
        assert page.locator(":is([data-region], form) :is(img, svg, b, script)").count() == 0
    assert visit.troubles == []


def test_nothing_that_a_worker_wrote_runs_on_a_tasks_own_page(evil, visit, expect):
    page, ids = evil
    for task_id in ids:
        page.goto(reverse("celery_ops:task-detail", args=[task_id]) + f"?back={quote(task_id)}")
        expect(page.locator("article dd code").first).to_have_attribute("title", task_id.replace("\x1b", "\ufffd"))
        assert page.locator("article :is(img, b, script)").count() == 0
    assert visit.troubles == []


def test_what_is_done_with_rows_waits_for_a_selection_and_the_list_says_why_it_stands_still(visit, superuser, expect):
    for number in range(3):
        fail(f"task-{number}")
    page = visit(LIST, superuser)
    revoke = page.get_by_role("button", name="Revoke selected")
    expect(revoke).to_be_disabled()
    page.locator("input[name=task_id]").first.check()
    expect(revoke).to_be_enabled()
    expect(page.locator("[data-chosen]")).to_have_text("1 selected. The list waits for you meanwhile.")
    page.get_by_role("button", name="Select all").click()
    boxes = page.locator("input[name=task_id]").count()
    expect(page.locator("[data-chosen]")).to_contain_text(f"{boxes} selected")
    page.get_by_role("button", name="Select all").click()
    expect(revoke).to_be_disabled()


#: What is pressed, but for words within a text; a box is as large as its label.
PRESSED = """() => [...document.querySelectorAll(".celery-ops :is(a, button, select, summary, input[type=checkbox])")]
  .filter((element) => !element.closest("p"))
  .map((element) => [element, (element.matches("input") && element.labels[0] || element).getBoundingClientRect()])
  .filter(([, box]) => box.width && Math.min(box.width, box.height) < 24)
  .map(([element]) => element.outerHTML)"""


@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("path", [LIST, "/behind/a/prefix/", "/behind/a/prefix/workers/", "/behind/a/prefix/queues/"])
def test_whatever_is_pressed_is_24_pixels_large(path, width, visit, superuser):
    fail("task-0")
    page = visit(path, superuser)
    page.set_viewport_size({"width": width, "height": 860})
    assert page.evaluate(PRESSED) == []


def test_a_phone_shows_the_first_rows_without_scrolling(visit, superuser):
    fail("task-0")
    page = visit(LIST, superuser)
    page.set_viewport_size({"width": 420, "height": 860})
    assert page.locator("tr[data-key]").first.bounding_box()["y"] < 430
