"""Whose style wins on a site's own page: what the site says of elements, or of our classes."""

import pytest

from tests.planting import plant

pytestmark = pytest.mark.browser

ADOPT = """text => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [sheet];
}"""
ELEMENTS = """
  a, p, h2, th, td, button, select, summary, small, code { color: rgb(1, 2, 3); padding: 40px; font-size: 30px; }
  body section table tbody tr td, .celery-ops td, .celery-ops-panel a { color: rgb(1, 2, 3); padding: 40px; }
"""


@pytest.fixture
def page(visit, order, staff):
    plant(order, state="FAILURE", error="ValueError: no")
    page = visit(f"/orders/{order.pk}/", staff)
    page.locator("tr[data-key]").wait_for()
    return page


def boxes(page):
    """How large each element of the panel is, and in which colour and size it is written."""
    return page.evaluate("""() => {
      const elements = [...document.querySelectorAll(".celery-ops-panel, .celery-ops-panel *:not(time)")];
      return elements.map((element) => {
        const [box, style] = [element.getBoundingClientRect(), getComputedStyle(element)];
        return [element.tagName, Math.round(box.height), style.color, style.fontSize, style.padding];
      });
    }""")


def test_what_a_site_says_of_elements_ends_at_the_panel(page):
    before = boxes(page)
    page.evaluate(ADOPT, ELEMENTS)
    assert boxes(page) == before


@pytest.mark.parametrize("name", ["button", "title", "error", "state"])
def test_a_rule_with_two_classes_wins(page, name):
    page.evaluate(ADOPT, f".celery-ops .celery-ops-{name} {{ color: rgb(1, 2, 3); }}")
    element = page.locator(f".celery-ops-{name}").first
    assert element.evaluate("element => getComputedStyle(element).color") == "rgb(1, 2, 3)"


def test_a_custom_property_of_the_site_wins_without_any_weight(page):
    page.evaluate(ADOPT, ":where(.celery-ops) { --celery-ops-ink: rgb(1, 2, 3); }")
    assert page.locator(".celery-ops-panel").evaluate("element => getComputedStyle(element).color") == "rgb(1, 2, 3)"
