"""A person revokes a waiting task from its page, stops a running one, and revokes chosen ones of the list."""

import pytest
from django.urls import reverse

from celery_ops import tasks_for
from celery_ops.models import ControlRecord
from tests.conftest import make_user
from tests.shop import tasks

from .conftest import told

pytestmark = pytest.mark.browser


@pytest.fixture
def operator(transactional_db):
    return make_user("operator", "celery_ops.revoke_task", "celery_ops.view_taskrunrecord", is_staff=True)


@pytest.fixture
def tracked_list(settings, site):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}


@pytest.fixture
def busy(worker, order, tmp_path):
    """Both processes of the worker have something to do for as long as the test likes, so that what comes waits."""
    pace = tmp_path / "pace"
    pace.write_bytes(b"")
    running = [tasks.paced.delay(order.pk, str(pace)).id for _ in range(2)]
    told(order, lambda _: [task.state for task in tasks_for(order)].count("STARTED") == 2, "both tasks to run")
    yield running
    pace.unlink()  # whatever still waits fails


def detail(task_id):
    return reverse("celery_ops:task-detail", args=[task_id])


def is_revoked(order, task_id):
    return told(order, lambda task: task.id == task_id and task.state == "REVOKED", f"{task_id} to be revoked")


def test_a_waiting_task_is_revoked_and_a_running_one_stopped_from_their_pages(visit, order, operator, busy, expect):
    waiting = tasks.noop.delay(order.pk).id
    page = visit(detail(waiting), operator)
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("1 answered.")).to_be_visible()
    page.goto(detail(busy[0]))
    page.locator("select[name=signal]").select_option("KILL")
    page.get_by_role("button", name="Stop this task").click()
    is_revoked(order, busy[0])
    is_revoked(order, waiting)
    for task_id in (busy[0], waiting):
        page.goto(detail(task_id))
        expect(page.get_by_text("Revoked, as was requested.")).to_be_visible()
        expect(page.get_by_role("button", name="Revoke", exact=True)).to_have_count(0)
    assert ControlRecord.objects.get(target=busy[0]).parameters["signal"] == "KILL"
    assert visit.troubles == []


def test_waiting_tasks_are_revoked_from_the_list_chosen_and_all(visit, order, operator, busy, tracked_list, expect):
    waiting = [tasks.noop.delay(order.pk).id for _ in range(4)]
    page = visit(f"{reverse('celery_ops:task-list')}?name=tests.shop.tasks.noop&state=PENDING", operator)
    for task_id in waiting[:2]:
        page.locator(f'tr[data-key="{task_id}"] [type=checkbox]').check()
    page.get_by_role("button", name="Revoke selected").click()
    expect(page.get_by_text("1 answered.")).to_be_visible()
    assert set(ControlRecord.objects.get(action="revoke").parameters["task_ids"]) == set(waiting[:2])
    page.get_by_role("link", name="Revoke all that match").click()
    page.get_by_role("button", name="Revoke 4 tasks").click()
    expect(page.get_by_role("heading", name="Revoke: done")).to_be_visible()
    expect(page.get_by_role("heading", name="What workers answered")).to_be_visible()
    assert set(ControlRecord.objects.get(action="revoke", parameters__has_key="bulk").parameters["task_ids"]) >= set(
        waiting
    )
    assert visit.troubles == []
