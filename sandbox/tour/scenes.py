"""The scenes, in an order in which each finds what the ones before it have left."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .camera import Camera

#: Milliseconds in which messages that are held up are a minute old, and until that minute is counted.
HELD_UP = 90_000
TOLD = 12_000


@dataclass(frozen=True)
class Scene:
    """Who looks, what that person does until the picture is taken, and how much of the page it shows, in pixels.

    It begins at the top of the page, or at an element.
    """

    name: str
    user: str
    play: Callable[[Camera], None]
    height: int = 760
    top: str = ""


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
    page.get_by_text(re.compile(r"[3-6]\d of 100")).first.wait_for()


def own_order(camera: Camera) -> None:
    """A customer pays, and sees how far that is."""
    page = camera.page
    page.goto("/my/orders/")
    page.locator("main a[href^='/my/orders/']").first.click()
    pay = page.get_by_role("button", name="Pay")
    if pay.count():
        pay.first.click()
        page.get_by_text(re.compile(r"[23] of 4")).first.wait_for()


def failed_task(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/tasks/?state=FAILURE&name=charge_expired_card")
    page.locator("tbody a").first.click()
    page.locator("pre").first.wait_for()


def retried_task(camera: Camera) -> None:
    """What each attempt logged."""
    page = camera.page
    page.goto("/ops/tasks/?name=sync_to_carrier&state=SUCCESS")
    page.locator("tbody a").first.click()
    page.get_by_text("attempt 2").first.wait_for()


def workflow(camera: Camera) -> None:
    """Every shelf of a warehouse is counted; one cannot be, so the sum never comes."""
    page = camera.page
    page.goto("/warehouses/2/")
    page.get_by_role("button", name="Count all shelves").click()
    page.get_by_role("link", name="Shelf by shelf").click()
    page.get_by_role("link", name="Run the whole again").wait_for()


def failure_group(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/failures/?window=7d")
    page.get_by_role("link", name="shop.exceptions.CardDeclined").first.click()
    page.locator("svg").first.wait_for()


def paused_queue(camera: Camera) -> None:
    """An operator holds the documents up while items ask for theirs."""
    page = camera.page
    page.goto("/ops/queues/sandbox-documents/")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Resume").first.wait_for()
    page.goto("/items/")
    item = page.locator("td a[href^='/items/']").first.get_attribute("href").strip("/").rpartition("/")[2]
    for task in ("generate_index_card", "generate_qr_code", "generate_index_card"):
        page.goto(f"/ops/run/inventory.tasks.{task}/")
        page.locator("[name=arg-item_id]").fill(item)
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url(lambda url: "/run/" not in url)
    page.goto("/ops/queues/sandbox-documents/")
    page.get_by_text("min ago").nth(1).wait_for(timeout=HELD_UP)
    page.wait_for_timeout(TOLD)


def resumed(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/queues/sandbox-documents/")
    page.get_by_role("button", name="Resume").first.click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.goto("/ops/journal/")


def preview(camera: Camera) -> None:
    page = camera.page
    page.goto("/ops/run/shop.office.sales_report/")
    page.locator("[name=arg-since]").fill("2026-01-01")
    page.get_by_role("button", name="Preview").click()
    page.locator("pre, .celery-ops-preview").first.wait_for()


SCENES = (
    Scene("overview", "admin", opened("/ops/"), 900),
    Scene("panel", "staff", order_panel),
    Scene("customer", "customer", own_order, 480),
    Scene("tasks", "admin", opened("/ops/tasks/")),
    Scene("task", "admin", failed_task, 900),
    Scene("log", "admin", retried_task, 420, "#log"),
    Scene("workflow", "admin", workflow, 900),
    Scene("insight", "admin", opened("/ops/insight/?window=7d"), 900),
    Scene("types", "admin", opened("/ops/types/?window=7d"), 620),
    Scene("failures", "admin", failure_group, 900),
    Scene("workers", "operator", opened("/ops/workers/"), 480),
    Scene("queue", "admin", paused_queue),
    Scene("run", "office", preview),
    Scene("schedules", "admin", opened("/ops/schedules/")),
    Scene("journal", "admin", resumed, 520),
)
