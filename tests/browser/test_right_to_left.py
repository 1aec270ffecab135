"""Pages in a language that is written from the right: laid out from there, and no wider than a phone."""

import pytest
from django.urls import reverse

from tests.panels.test_matrix import Scene, _known, actors  # noqa: F401 - fixtures are among them
from tests.planting import plant
from tests.shop.models import Order

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

MEASURE = """() => {
  const page = document.documentElement, head = document.querySelector(".celery-ops-frame, .celery-ops-panel");
  const heading = document.querySelector("h1, h2").getBoundingClientRect();
  return {
    direction: getComputedStyle(head).direction,
    overflow: page.scrollWidth - page.clientWidth,
    from_the_right: page.clientWidth - heading.right < heading.left + 60,
  };
}"""


@pytest.fixture
def order(db):
    return Order.objects.create(reference="A-1")


@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize(
    "name", ["overview", "task-list", "insight", "failure-list", "schedule-list", "worker-list", "run-list"]
)
def test_a_page_is_laid_out_from_the_right(name, width, settings, order, actors, screen):  # noqa: F811 - a fixture
    settings.LANGUAGE_CODE = "ar"
    scene = Scene(actors["superuser"], order)
    plant(order, "tests.shop.tasks.noop", "FAILURE", error="ValueError: no")
    screen.page.set_viewport_size({"width": width, "height": 900})
    page = screen.show(scene.client, reverse(f"celery_ops:{name}"))
    assert page.evaluate(MEASURE) == {"direction": "rtl", "overflow": 0, "from_the_right": True}
