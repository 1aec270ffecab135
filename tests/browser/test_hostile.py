"""What a worker may have written, in a real browser under ``default-src 'self'``."""

import pytest

from tests.planting import plant

from .conftest import is_poll, launch

pytestmark = pytest.mark.browser

EVIL = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "</title></pre></dialog></template><svg onload=alert(3)>",
    "javascript:alert(4)",
    "\u202e<b>\x00\x1b[2J",
]


@pytest.fixture
def page_of(visit, order, staff):
    for text in EVIL:
        long = {"args": text, "error": f"{text}: {text}", "result": text, "traceback": text}
        plant(order, text, "FAILURE", task_id=text, worker=text, **long)
        plant(order, text, "STARTED", task_id=f"{text}2", worker=text, ago=10, progress=f"1 2 {text}")
    return lambda path="orders", user=staff: visit(f"/{path}/{order.pk}/", user)


def test_nothing_runs_on_the_staffs_page(page_of, visit, expect):
    page = page_of()
    with page.expect_response(is_poll):
        pass
    expect(page.locator("tr[data-key]")).to_have_count(10)
    assert visit.troubles == []


def test_nothing_runs_on_the_customers_page(page_of, visit, expect):
    page = page_of("your-order", None)
    with page.expect_response(is_poll):
        pass
    expect(page.locator("tr[data-key]")).to_have_count(10)
    assert visit.troubles == []


def test_nothing_runs_in_the_details(page_of, visit, expect):
    page = page_of()
    page.locator("tr[data-key]", has_text="<script>").get_by_role("link", name="Details").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("<script>alert(1)</script>")
    assert visit.troubles == []


def test_nothing_becomes_an_element(page_of):
    assert page_of().locator("img, svg, b, script:not([src])").count() == 0


def test_nothing_runs_when_it_is_filtered_by(page_of, visit, expect):
    page = page_of()
    page.get_by_role("combobox", name="Task").select_option(EVIL[0])
    expect(page.locator("tr[data-key]")).to_have_count(2)
    assert visit.troubles == []


def test_our_own_page_has_nothing_that_the_policy_forbids(page_of, visit, worker, expect):
    page = page_of()
    launch(page, "Noop")
    expect(page.locator("[data-message]")).to_have_text("Noop was sent.")
    assert visit.troubles == []
