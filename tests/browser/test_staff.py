"""A member of the staff on an order's page."""

import re

import pytest

from celery_ops.models import TaskRunRecord
from tests.planting import plant
from tests.shop import tasks

from .conftest import choose, is_poll, launch, state, told

pytestmark = pytest.mark.browser

LONG = "tests.shop.tasks.long"
NAMELESS = """() => {
  const said = (e) => e.textContent.trim() || (e.type === "submit" && e.value);
  const named = (e) => e.ariaLabel || said(e) || [...(e.labels ?? [])].some((l) => l.textContent.trim());
  const controls = document.querySelectorAll("button, select, summary, a, input:not([type=hidden])");
  return [...controls].filter((e) => !named(e)).map((e) => e.outerHTML);
}"""


@pytest.fixture
def page_of(visit, order, staff):
    return lambda **options: visit(f"/orders/{order.pk}/", staff, **options)


@pytest.fixture
def paced(site, settings, pace):
    """The panel offers a task that goes as far as the test lets it."""
    binding = {"model": "shop.Order", "launch_kwargs": {"pace": pace.file}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {tasks.paced.name: binding}}
    return pace


def test_a_launched_task_is_followed_from_queued_to_done_without_a_reload(page_of, paced, worker, expect):
    page = page_of()
    page.evaluate("window.stayed = true")
    with worker.frozen():
        launch(page, "Paced")
        expect(page.locator("[data-message]")).to_have_text("Paced was sent.")
        expect(state(page)).to_have_text("Pending")
    for step, percent in ((1, "10"), (3, "30")):
        paced.to(step)
        expect(page.locator("progress")).to_have_attribute("value", percent)
        expect(state(page)).to_have_text("Started")
    paced.to(10)
    expect(state(page)).to_have_text("Success")
    assert page.evaluate("window.stayed")


def test_a_failure_is_read_with_its_traceback(page_of, worker, expect):
    page = page_of()
    launch(page, "Fails")
    expect(page.locator(".celery-ops-error")).to_have_text("ValueError: the card was refused")
    page.get_by_role("link", name="Details").click()
    expect(page.get_by_role("dialog")).to_contain_text("raise ValueError(message)")


def test_escape_closes_the_details_and_gives_the_focus_back(page_of, order, expect):
    plant(order)
    page = page_of()
    link = page.get_by_role("link", name="Details")
    link.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(link).to_be_focused()


def test_a_running_task_is_stopped_and_the_answer_is_said(page_of, order, worker, expect):
    tasks.long.delay(order.pk, steps=600)
    told(order, lambda task: task.state == "STARTED", "the start")
    page = page_of()
    page.locator("summary", has_text="Stop").click()
    expect(page.get_by_text("Asks every worker to stop the process that runs this task, at once.")).to_be_visible()
    page.get_by_role("button", name="Stop this task").click()
    expect(page.locator("[data-message]")).to_have_text("Asked 1 worker, 1 answered.")
    expect(state(page)).to_have_text("Revoked")


def test_a_waiting_task_is_revoked_before_it_begins(page_of, order, worker, expect):
    tasks.noop.apply_async((order.pk,), countdown=600)
    page = page_of()
    page.locator("summary", has_text="Revoke").click()
    page.get_by_role("button", name="Revoke this task").click()
    expect(page.locator("[data-message]")).to_have_text("Asked 1 worker, 1 answered.")
    expect(page.get_by_text("revoke requested")).to_be_visible()


def test_a_filter_is_in_the_address_and_survives_a_reload(page_of, order, expect):
    plant(order, state="SUCCESS")
    plant(order, state="FAILURE", ago=10)
    page = page_of()
    page.get_by_role("combobox", name="State").select_option("FAILURE")
    expect(page.locator("tr[data-key]")).to_have_count(1)
    assert "state=FAILURE" in page.url
    page.reload()
    expect(page.locator("tr[data-key]")).to_have_count(1)


def test_the_way_to_older_tasks_keeps_the_page(page_of, order, expect):
    oldest = plant(order, ago=100)
    for _ in range(10):
        plant(order)
    page = page_of()
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Older").click()
    expect(page.locator(f'code[title="{oldest}"]')).to_be_visible()
    assert page.evaluate("window.stayed")


def test_the_keyboard_alone_launches(page_of, worker, expect):
    page = page_of()
    page.locator("#before").focus()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('summary')"):
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("[data-message]")).to_have_text(re.compile("was sent"))


def test_escape_closes_the_menu_and_gives_the_focus_back(page_of, expect):
    page = page_of()
    choose(page, "Long")
    page.keyboard.press("Escape")
    expect(page.locator("[data-part=launch] summary")).to_be_focused()


def test_a_double_click_sends_one_task(page_of, worker, expect):
    page = page_of()
    choose(page, "Noop")
    page.get_by_role("button", name="Run", exact=True).dblclick()
    expect(state(page)).to_have_text("Success")
    assert TaskRunRecord.objects.count() == 1


def test_auto_refresh_polls_while_something_runs(page_of, order):
    plant(order, LONG, "STARTED", ago=10)
    page = page_of(fake_time=True)
    with page.expect_response(is_poll):
        page.clock.run_for(1500)


def test_an_idle_panel_polls_seldom_and_shows_what_was_published_elsewhere(page_of, order, expect):
    plant(order)
    page, polls = page_of(fake_time=True), []
    page.on("request", lambda request: polls.append(request.url))
    page.clock.run_for(5_000)
    assert polls == []
    with page.expect_response(is_poll):
        page.clock.run_for(2_000)
    plant(order, LONG, "STARTED", ago=10)
    with page.expect_response(is_poll):
        page.clock.run_for(6_500)
    expect(page.locator("tr[data-state=STARTED]")).to_have_count(1)


def test_an_idle_panel_that_has_not_changed_is_answered_with_nothing(page_of, order):
    plant(order)
    page = page_of(fake_time=True)
    with page.expect_response(is_poll):
        page.clock.run_for(6_500)
    with page.expect_response(lambda response: is_poll(response) and response.status == 304):
        page.clock.run_for(6_500)


def test_auto_refresh_switched_off_stops_the_polls(page_of, order, expect):
    plant(order, LONG, "STARTED", ago=10)
    page, polls = page_of(fake_time=True), []
    page.get_by_role("switch", name="Live").click()
    page.on("request", lambda request: polls.append(request.url))
    page.clock.run_for(60_000)
    assert polls == []


def test_auto_refresh_switched_off_is_remembered(page_of, order, expect):
    page = page_of()
    page.get_by_role("switch", name="Live").click()
    page.reload()
    expect(page.get_by_role("switch", name="Live")).to_have_attribute("aria-checked", "false")


@pytest.mark.parametrize("status", [304, 200], ids=["unchanged", "changed"])
def test_a_poll_leaves_an_open_menu_open(status, page_of, order, expect):
    plant(order, LONG, "STARTED", ago=10)
    page = page_of()
    choose(page, "Long")
    with page.expect_response(lambda response: is_poll(response) and response.status == 304):
        pass
    if status == 200:
        with page.expect_response(lambda response: is_poll(response) and response.status == 200):
            plant(order)
        expect(page.locator("tr[data-key]")).to_have_count(2)
    expect(page.get_by_role("radio", name="Long", exact=True)).to_be_checked()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()


def test_a_choice_outlives_a_list_of_another_form(page_of, order, expect):
    page = page_of()  # without a task there are no filters
    choose(page, "Long")
    plant(order)
    for _ in range(2):
        page.get_by_role("switch", name="Live").click()
    expect(page.locator("tr[data-key]")).to_have_count(1)
    page.get_by_text("Run a task").click()
    expect(page.get_by_role("radio", name="Long", exact=True)).to_be_checked()


def test_a_change_is_announced_to_those_who_do_not_see_it(page_of, order, expect):
    task_id = plant(order, LONG, "STARTED", ago=10)
    page = page_of()
    plant(order, LONG, "SUCCESS", task_id=task_id, ago=10)
    expect(page.locator("[aria-live=polite]")).to_have_text("Long: Success")


def test_a_permission_taken_away_is_said(page_of, order, staff, expect):
    plant(order, LONG, "STARTED", ago=10)
    page = page_of()
    type(staff).objects.filter(pk=staff.pk).update(is_active=False)
    expect(page.locator("[data-note]")).to_have_text("This panel is out of date. Reload the page.")


def test_the_whole_id_can_be_copied(page_of, order, expect):
    task_id = plant(order)
    page = page_of(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the task id").click()
    expect(page.locator("[data-announce]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == task_id


def test_every_control_has_a_name(page_of, order):
    plant(order, LONG, "STARTED", ago=10)
    page = page_of()
    page.get_by_text("Run a task").click()
    assert page.evaluate(NAMELESS) == []


def test_there_is_a_place_where_things_are_said(page_of, expect):
    page = page_of()
    assert page.locator("[role=status]").count() == 2
    assert page.locator("[aria-live=polite]").count() == 1


def test_no_id_is_there_twice(page_of, order):
    plant(order, LONG, "STARTED", ago=10)
    ids = page_of().evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))


def test_a_narrow_screen_does_not_scroll_sideways(page_of, order):
    plant(order, LONG, "STARTED", ago=10, progress="3 10 " + "packing " * 20, worker="celery@" + "w" * 80)
    plant(order, state="FAILURE", error="ValueError: " + "x" * 300)
    page = page_of(viewport={"width": 420, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_the_list_has_a_badge_for_each(visit, order, staff, expect):
    plant(order, state="FAILURE")
    page = visit("/orders/", staff)
    expect(page.get_by_role("listitem").filter(has_text=str(order))).to_contain_text("Failure")
