"""What acts is loaded when the pointer or the focus enters a panel, and not before."""

import pytest

from tests.planting import plant

pytestmark = pytest.mark.browser


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
