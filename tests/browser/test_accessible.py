"""Every page by axe's rules: in the light on a wide screen, in the dark on a narrow one."""

import pytest

from tests.panels.test_matrix import ROWS, Scene, _known, actors  # noqa: F401
from tests.planting import plant
from tests.shop.models import Order

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

PAGES = [
    pytest.param(address, sent, id=f"{name}-{what}")
    for name, rows in ROWS.items()
    for what, address, sent, expected in rows
    if expected.get("GET", {}).get("superuser") == 200
    and not name.startswith(("api-", "metrics", "panel"))
    and what not in ("as CSV", "its log")
    and name != "workflow-progress"  # no page, and parts of one
]


@pytest.fixture
def order(db):
    """One that is undone after the test, with all else: no server has to see it."""
    return Order.objects.create(reference="A-1")


def violations(page, part):
    """What axe says against a part of the page as it is shown now: ``rule: selector``."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, part).response["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


def of_both(page, part="html"):
    wide = {"color_scheme": "light"}, {"width": 1400, "height": 900}
    narrow = {"color_scheme": "dark"}, {"width": 420, "height": 900}
    for media, size in (wide, narrow):
        page.emulate_media(**media)
        page.set_viewport_size(size)
        yield from violations(page, part)


@pytest.mark.parametrize(("address", "sent"), PAGES)
def test_a_page_is_accessible(address, sent, order, actors, screen):  # noqa: F811
    scene = Scene(actors["superuser"], order)
    plant(order, "tests.shop.tasks.noop", "FAILURE", error="ValueError: no", progress="1 2 half")
    query = "&".join(f"{name}={value}" for name, value in sent.items())
    page = screen.show(scene.client, f"{address(scene)}?{query}")
    assert list(of_both(page)) == []


@pytest.mark.parametrize("path", ["orders", "your-order"])
def test_a_panel_is_accessible(path, order, actors, screen):  # noqa: F811
    scene = Scene(actors["superuser"], order)
    plant(order, "tests.shop.tasks.noop", "FAILURE", error="ValueError: no")
    page = screen.show(scene.client, f"/{path}/{order.pk}/")
    assert list(of_both(page, ".celery-ops")) == []
