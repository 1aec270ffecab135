"""The scenes, in the order in which somebody who has ten minutes would see them."""

from collections.abc import Callable
from dataclasses import dataclass

from .camera import Camera


@dataclass(frozen=True)
class Scene:
    """Who looks, what that person does until the picture is taken, and how much of the page it shows, in pixels."""

    name: str
    user: str
    play: Callable[[Camera], None]
    height: int = 760


def opened(path: str) -> Callable[[Camera], None]:
    """A page as it is when it has loaded."""

    def play(camera: Camera) -> None:
        camera.page.goto(path)
        camera.page.locator("main").first.wait_for()

    return play


def order_panel(camera: Camera) -> None:
    """A staff member exports an invoice, and sees it run."""
    page = camera.page
    page.goto("/orders/")
    page.get_by_role("link", name="HT-1003").first.click()
    page.get_by_text("Run a task").click()
    page.get_by_role("radio", name="Export the invoice").check()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("progress").first.wait_for()


def own_order(camera: Camera) -> None:
    """A customer pays, and sees how far that is."""
    page = camera.page
    page.goto("/my/orders/")
    page.locator("main a[href^='/my/orders/']").first.click()
    pay = page.get_by_role("button", name="Pay")
    if pay.count():
        pay.first.click()
        page.locator("progress").first.wait_for()


def failed_task(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/tasks/?state=FAILURE")
    page.locator("tbody a").first.click()
    page.locator("pre").first.wait_for()


def retried_task(camera: Camera) -> None:
    """What each attempt logged."""
    page = camera.page
    page.goto("/ops/tasks/?name=sync_to_carrier&state=SUCCESS")
    page.locator("tbody a").first.click()
    page.get_by_text("attempt 2").first.wait_for()


def workflow(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/tasks/?name=fulfill_order&state=SUCCESS")
    page.locator("tbody a").first.click()
    page.locator("a[href*='/workflows/']").first.click()
    page.locator("svg").first.wait_for()


def failure_group(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/failures/?window=7d")
    page.locator("main table tbody a, main ul a[href*='/failures/']").first.click()
    page.locator("svg").first.wait_for()


def preview(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/run/shop.office.sales_report/")
    page.locator("[name=arg-since]").fill("2026-01-01")
    page.get_by_role("button", name="Preview").click()
    page.locator("pre, .celery-ops-preview").first.wait_for()


SCENES = (
    Scene("overview", "admin", opened("/ops/")),
    Scene("panel", "staff", order_panel),
    Scene("customer", "customer", own_order, 620),
    Scene("tasks", "admin", opened("/ops/tasks/")),
    Scene("task", "admin", failed_task),
    Scene("log", "admin", retried_task, 1300),
    Scene("workflow", "admin", workflow, 620),
    Scene("insight", "admin", opened("/ops/insight/?window=7d"), 900),
    Scene("types", "admin", opened("/ops/types/?window=7d"), 620),
    Scene("failures", "admin", failure_group),
    Scene("schedules", "admin", opened("/ops/schedules/")),
    Scene("workers", "operator", opened("/ops/workers/"), 480),
    Scene("queue", "operator", opened("/ops/queues/sandbox-documents/")),
    Scene("run", "office", preview),
    Scene("journal", "admin", opened("/ops/journal/"), 520),
)
