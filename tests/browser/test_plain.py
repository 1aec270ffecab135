"""The same panel without script."""

import pytest

from tests.planting import plant

from .conftest import launch, state

pytestmark = pytest.mark.browser


@pytest.fixture
def page_of(visit, order, staff):
    return lambda **options: visit(f"/orders/{order.pk}/", staff, java_script_enabled=False, **options)


def test_the_list_is_the_same(page_of, order, expect):
    plant(order, state="FAILURE", error="ValueError: no")
    page = page_of()
    expect(state(page)).to_have_text("Failure")
    expect(page.locator(".celery-ops-error")).to_have_text("ValueError: no")


def test_the_list_says_that_it_stands_still(page_of):
    # Chromium parses <noscript> as with script when a debugger switched that off.
    assert "This list does not refresh by itself." in page_of().locator("noscript").text_content()


def test_times_are_written_out(page_of, order, expect):
    plant(order, ago=120)
    expect(page_of().locator("time").first).to_have_text("2 min ago")


def test_a_form_launches_and_leads_back(page_of, order, expect):
    page = page_of()
    launch(page, "Noop")
    expect(page.locator(".said")).to_have_text("Noop was sent.")
    expect(page).to_have_url(f"{page.url.split('/orders')[0]}/orders/{order.pk}/")


def test_a_filter_is_a_form(page_of, order, expect):
    plant(order, state="SUCCESS")
    plant(order, state="FAILURE")
    page = page_of()
    page.get_by_role("combobox", name="State").select_option("FAILURE")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tr[data-key]")).to_have_count(1)


def test_the_details_are_a_page_with_a_way_back(page_of, order, expect):
    plant(order, state="FAILURE", traceback="Traceback: here")
    page = page_of()
    address = page.url
    page.get_by_role("link", name="Details").click()
    expect(page.get_by_text("Traceback: here")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    expect(page).to_have_url(address)


def test_what_only_a_script_can_do_is_not_offered(page_of, order):
    plant(order)
    assert page_of().locator("[data-copy]:visible, [data-switch]:visible").count() == 0
