"""What acts is loaded when the pointer or the focus enters a panel, and not before."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from celery_ops import states
from celery_ops.models import TaskRunRecord
from tests.planting import plant

from .conftest import is_poll, launch

pytestmark = pytest.mark.browser

PAYMENT = "tests.shop.tasks.process_payment"


@pytest.fixture
def page(visit, order, staff):
    plant(order)
    page = visit(f"/orders/{order.pk}/", staff)
    page.locator("[data-copy]").first.wait_for()
    return page


def loaded(page):
    names = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    return {name.rpartition("/")[2] for name in names if "celery_ops" in name}


def test_who_only_looks_on_loads_what_shows_a_panel(page):
    assert loaded(page) == {"panel.css", "live.js", "panel.js"}


@pytest.mark.parametrize("enter", ["hover", "focus"])
def test_the_pointer_and_the_focus_bring_what_acts(page, enter):
    with page.expect_response("**/actions.js"):
        getattr(page.get_by_role("link", name="Details"), enter)()


def test_what_could_not_be_loaded_is_said_and_asked_for_again(page, expect):
    page.route("**/actions.js", lambda route: route.abort())
    page.locator("[data-copy]").first.click()
    expect(page.locator("[data-note]")).to_have_text("This panel is out of date. Reload the page.")
    page.unroute("**/actions.js")
    page.locator("[data-copy]").first.click()
    expect(page.locator("[data-announce]")).not_to_be_empty()


def test_what_could_not_be_loaded_for_the_pointer_is_asked_for_again_by_a_click(page, expect):
    page.route("**/actions.js", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.locator("[data-copy]").first.hover()
    page.unroute("**/actions.js")
    page.locator("[data-copy]").first.click()
    expect(page.locator("[data-announce]")).not_to_be_empty()


def test_without_what_acts_a_form_is_sent_as_it_is_without_script(page, expect):
    page.route("**/actions.js", lambda route: route.fulfill(status=404))
    launch(page, "Charge the card")
    expect(page.get_by_text("Charge the card was sent.")).to_be_visible()
    assert TaskRunRecord.objects.count() == 1


def test_a_task_is_launched_twice_where_nothing_that_shows_has_changed(visit, order, staff, worker, expect):
    plant(order)
    plant(order, PAYMENT, states.PENDING)
    page = visit(f"/orders/{order.pk}/", staff)
    with page.expect_response(lambda response: "state=SUCCESS" in response.url):
        page.get_by_role("combobox", name="State").select_option("SUCCESS")
    with worker.frozen():
        for _ in range(2):
            with page.expect_response(is_poll):
                launch(page, "Charge the card")
        expect(page.locator("[data-message]")).to_have_text("Charge the card was sent.")
    assert TaskRunRecord.objects.filter(task_name=PAYMENT).count() == 2


@pytest.fixture
def bare(settings, tmp_path, site):
    """A site's own template of a panel, with no place for words and no dialog."""
    original = Path(get_template("celery_ops/panel/panel.html").origin.name).read_text()
    left_out = ("data-message", "data-note", "data-announce", "dialog.html")
    kept = [line for line in original.splitlines() if not any(part in line for part in left_out)]
    own = tmp_path / "celery_ops/panel/panel.html"
    own.parent.mkdir(parents=True)
    own.write_text("\n".join(kept))
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]


def test_a_template_without_a_place_for_words_launches_all_the_same(bare, visit, order, staff, expect):
    plant(order)
    page = visit(f"/orders/{order.pk}/", staff)
    for number in (2, 3):
        launch(page, "Charge the card")
        expect(page.locator("tr[data-key]")).to_have_count(number)
    assert visit.troubles == []


def test_a_template_without_a_dialog_leads_to_the_page_of_the_details(bare, visit, order, staff, expect):
    task_id = plant(order)
    page = visit(f"/orders/{order.pk}/", staff)
    page.get_by_role("link", name="Details").click()
    expect(page).to_have_url(re.compile(f"task={task_id}"))
    assert visit.troubles == []
