"""An operator pauses a queue, watches it fill, resumes it and watches it drain, without leaving its page."""

import pytest

from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.models import ControlRecord
from tests.conftest import make_user
from tests.shop.tasks import untracked

pytestmark = pytest.mark.browser

OPS = "/behind/a/prefix/"


@pytest.fixture
def operator(transactional_db):
    return make_user("operator", *(f"celery_ops.{name}" for name in ("view_ops", "control_workers", "manage_queues")))


@pytest.fixture(autouse=True)
def _quick(worker, settings):
    """This process knows the only worker, and the pages refresh every second."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "REFRESH_SECONDS": 1}
    known_workers().note((), (), {worker.hostname: {}}, looked_around=True)


def fact(page, label):
    return page.locator(".celery-ops-stats > div", has=page.get_by_text(label, exact=True)).locator("dd")


def test_a_queue_is_paused_fills_is_resumed_and_drains(visit, worker, operator, expect):
    page = visit(f"{OPS}queues/celery/", operator)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Asked 1 worker, 1 answered.")).to_be_visible()
    expect(page.locator("header .celery-ops-state")).to_have_text("Paused")
    expect(fact(page, "Consumers")).to_have_text("0")
    for _ in range(3):
        untracked.delay()
    expect(fact(page, "Waiting")).to_have_text("3")
    page.get_by_role("button", name="Resume").click()
    expect(fact(page, "Waiting")).to_have_text("0")
    expect(fact(page, "Consumers")).to_have_text("1")
    expect(page.locator("header .celery-ops-state")).to_have_count(0)
    assert [(row.action, row.username) for row in ControlRecord.objects.order_by("pk")] == [
        ("pause", "operator"),
        ("resume", "operator"),
    ]
    assert visit.troubles == []


def test_chosen_workers_are_told_without_a_script(visit, worker, operator, expect):
    page = visit(f"{OPS}workers/", operator, java_script_enabled=False)
    page.get_by_label(f"Choose {worker.hostname}").check()
    page.get_by_label("With the selected workers:").select_option(label="Set a rate limit")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Task", exact=True).fill("no.such.task")
    page.get_by_label("Rate limit").fill("10/x")
    page.get_by_role("button", name="Set a rate limit").click()
    expect(page.get_by_text("Enter a rate such as 10/m")).to_be_visible()
    page.get_by_label("Rate limit").fill("10/m")
    page.get_by_role("button", name="Set a rate limit").click()
    expect(page.get_by_text(f"{worker.hostname}: error: unknown task")).to_be_visible()
