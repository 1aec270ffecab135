"""Somebody follows a failure: from the overview to its group, its traceback, again, resolved, and back."""

import pytest
from django.urls import reverse

from celery_ops.failures import reading
from celery_ops.metrics.windows import WINDOWS
from celery_ops.models import ControlRecord, TaskRunRecord
from tests.conftest import make_user
from tests.servers import wait_for
from tests.shop import tasks

from .conftest import told

pytestmark = pytest.mark.browser

SAID = "the bank is closed"


@pytest.fixture
def operator(transactional_db):
    names = ("view_payload", "resolve_failures", "add_taskrunrecord", "view_taskrunrecord")
    return make_user("operator", *(f"celery_ops.{name}" for name in names), is_staff=True)


@pytest.fixture
def tracked_list(settings, site):
    """The list shows what is tracked: this site's results are elsewhere."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}


def counted(number):
    """Wait until so many of these failures are in their group."""

    def group():
        groups = [group for group in reading.groups(WINDOWS["1h"]).groups if group.message == SAID]
        return groups[0] if groups and groups[0].count >= number else None

    return wait_for(group, f"{number} failures in a group")


def test_a_failure_is_followed_to_its_end_and_back(visit, worker, order, operator, tracked_list, expect):
    failed = tasks.fails.delay(order.pk, message=SAID).id
    told(order, lambda task: task.state == "FAILURE", "the failure")
    key = counted(1).key

    page = visit(reverse("celery_ops:overview"), operator)
    row = page.locator(f'[data-key="{key}"]')
    expect(row).to_contain_text(SAID)
    row.get_by_role("link", name="ValueError").click()

    expect(page.get_by_text("raise ValueError(message)")).to_be_visible()
    expect(page.get_by_role("link", name=failed[:8])).to_be_visible()
    page.get_by_role("link", name="Run them again").click()
    page.get_by_role("button", name="Run up to 1 task again").click()
    expect(page.get_by_text("Run again: done").first).to_be_visible()
    assert TaskRunRecord.objects.get().retry_of == failed
    counted(2)

    detail = reverse("celery_ops:failure-detail", args=[key])
    page.goto(detail)
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("Resolved by operator")).to_be_visible()
    assert ControlRecord.objects.get(action=ControlRecord.RESOLVE).target == key
    page.goto(reverse("celery_ops:failure-list"))
    expect(page.locator(f'[data-key="{key}"]')).to_have_count(0)

    tasks.fails.delay(order.pk, message=SAID)
    counted(3)
    page.goto(reverse("celery_ops:failure-list"))
    expect(page.locator(f'[data-key="{key}"]')).to_contain_text("Back after resolving")
    page.goto(detail)
    expect(page.get_by_text("It failed again since.")).to_be_visible()
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    assert visit.troubles == []
