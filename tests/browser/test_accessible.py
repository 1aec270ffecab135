"""Every page by axe's rules: in the light on a wide screen, in the dark on a narrow one."""

import pytest
from celery import chain
from django.urls import get_resolver, reverse

from tests.conftest import broker
from tests.panels.test_matrix import (  # noqa: F401 - fixtures are among them
    PING,
    ROWS,
    Scene,
    _known,
    actors,
    names,
    page,
    task_page,
)
from tests.planting import panel_of, plant, plant_log
from tests.rerun.workflow_messages import sent
from tests.shop import tasks
from tests.shop.models import Order

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

RUN_NIGHTLY = {"action": "run", "name": "nightly"}
SHUTDOWN = {**PING, "action": "shutdown"}

#: No page of their own: JSON, text that is scraped, and parts of a host's page.
NO_PAGE = {name for name in ROWS if name.startswith("api-")} | {"metrics", "panel", "task-stack", "workflow-progress"}
#: What a GET may answer beside a page.
NO_PAGES_EITHER = {"as CSV", "its log"}


def ended(scene):
    plant(scene.order, "tests.shop.tasks.noop", "SUCCESS", task_id="succeeded", args='{"args": [1], "kwargs": {}}')
    return reverse("celery_ops:retry")


def ended_panel(scene):
    ended(scene)
    return panel_of(scene.order, scene.user)


def logged(scene):
    plant_log(scene.task_id, "asking the bank", "it said no")
    plant_log(scene.task_id, "asking once more", attempt=1, level="ERROR")
    return task_page(scene)


def details(scene):
    return f"{panel_of(scene.order, scene.user)}?task={scene.task_id}"


def whole(scene):
    with broker("memory://"):
        messages = sent(chain(tasks.noop.si(scene.order.pk), tasks.noop.si(scene.order.pk)))
    return reverse("celery_ops:workflow-retry", args=[messages.ids[0]])


#: Pages that no row of the matrix leads to: what asks first, and what is on a page at times.
MORE = [
    ("retry", "asked first", "POST", ended, {"task_id": "succeeded", "preview": "1"}, 200),
    ("workflow-retry", "the whole again", "GET", whole, {}, 200),
    ("task-detail", "with its log", "GET", logged, {}, 200),
    ("panel", "details of a task", "GET", details, {}, 200),
    ("panel", "what came of an action", "POST", ended_panel, {"action": "retry", "task_id": "succeeded"}, 400),
    ("schedule-action", "run, asked first", "POST", page("schedule-action"), {**RUN_NIGHTLY, "ask": "1"}, 200),
    ("worker-control", "asked first", "POST", page("worker-control"), SHUTDOWN, 400),
]


def cases():
    """Every page of every URL as whoever may do all sees it, with what is not found and what will not do.

    Who may not is shown the site's own page.
    """
    for name, rows in ROWS.items():
        for what, address, data, expected in rows if name not in NO_PAGE else ():
            for method in ("GET", "POST"):
                codes = expected.get(method, {})
                if codes.get("superuser") in (200, 400, 404) and what not in NO_PAGES_EITHER:
                    yield name, what, method, address, data, codes["superuser"]
    yield from MORE


CASES = list(cases())


@pytest.fixture
def order(db):
    """One that is undone after the test, with all else: no server has to see it."""
    return Order.objects.create(reference="A-1")


#: Of what is not violated axe would tell as much again.
VIOLATIONS = """async (part) => (await axe.run(part, { resultTypes: ["violations"] })).violations"""


def violations(page, part):
    """What axe says against a part of the page as it is shown now: ``rule: selector``."""
    from axe_playwright_python.base import AXE_SCRIPT

    if page.evaluate("window.axe === undefined"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(VIOLATIONS, part)
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


def of_both(page, part="html"):
    wide = {"color_scheme": "light"}, {"width": 1400, "height": 900}
    narrow = {"color_scheme": "dark"}, {"width": 420, "height": 900}
    for media, size in (wide, narrow):
        page.emulate_media(**media)
        page.set_viewport_size(size)
        yield from violations(page, part)


def test_every_url_that_has_a_page_is_among_these():
    urls = set(names(get_resolver("celery_ops.urls").url_patterns))
    assert urls - {name for name, *_rest in CASES} == NO_PAGE - {"panel"}


@pytest.mark.parametrize(
    ("method", "address", "data", "code"),
    [pytest.param(*rest, id=f"{name}-{what}-{rest[0]}") for name, what, *rest in CASES],
)
def test_a_page_is_accessible(method, address, data, code, order, actors, screen):  # noqa: F811 - a fixture
    scene = Scene(actors["superuser"], order)
    plant(order, "tests.shop.tasks.noop", "FAILURE", error="ValueError: no", progress="1 2 half")
    path = address(scene)
    answer = scene.client.post(path, data) if method == "POST" else scene.client.get(path, data)
    assert answer.status_code == code
    assert answer["Content-Type"].startswith("text/html")
    assert list(of_both(screen.show_answer(path, answer))) == []


@pytest.mark.parametrize("path", ["orders", "your-order"])
def test_a_panel_is_accessible(path, order, actors, screen):  # noqa: F811 - a fixture
    scene = Scene(actors["superuser"], order)
    plant(order, "tests.shop.tasks.noop", "FAILURE", error="ValueError: no")
    shown = screen.show(scene.client, f"/{path}/{order.pk}/")
    assert list(of_both(shown, ".celery-ops")) == []


def test_what_to_do_where_nothing_may_be_run_is_accessible(order, actors, screen, settings):  # noqa: F811 - a fixture
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": ()}
    shown = screen.show(Scene(actors["superuser"], order).client, reverse("celery_ops:run-list"))
    assert shown.locator("pre").count() == 1
    assert list(of_both(shown)) == []
