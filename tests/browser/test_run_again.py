"""A person runs a task again that failed, and then a whole list."""

from contextlib import closing
from datetime import timedelta

import pytest
import redis
from django.urls import reverse
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops import tasks_for
from celery_ops.models import ControlRecord, TaskRunRecord
from tests.conftest import make_user
from tests.servers import wait_for
from tests.shop import tasks

from .conftest import told

pytestmark = pytest.mark.browser


@pytest.fixture
def operator(transactional_db):
    return make_user(
        "operator",
        "celery_ops.view_payload",
        "celery_ops.add_taskrunrecord",
        "celery_ops.view_taskrunrecord",
        is_staff=True,
    )


@pytest.fixture
def tracked_list(settings, site):
    """The list shows what is tracked: this site's results are elsewhere."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "celery_ops.backends.tracked.TrackedTaskBackend"}


def detail(task_id):
    return reverse("celery_ops:task-detail", args=[task_id])


def test_a_failed_task_is_run_again_and_both_pages_say_so(visit, worker, order, operator, tmp_path, expect):
    failed = tasks.fails_once.delay(order.pk, str(tmp_path / "once")).id
    told(order, lambda task: task.state == "FAILURE", "the failure")
    page = visit(detail(failed), operator)
    page.get_by_role("button", name="Run again", exact=True).click()
    expect(page.get_by_text("does not say that it may run twice")).to_be_visible()
    page.get_by_role("button", name="Run 1 task again").click()
    told(order, lambda task: task.state == "SUCCESS", "the success")
    new = tasks_for(order)[0].id
    expect(page.get_by_text("Success").first).to_be_visible()
    page.goto(detail(new))
    page.get_by_role("link", name=failed).click()
    expect(page.get_by_role("heading", name="Fails once")).to_be_visible()
    page.get_by_role("link", name=new).click()
    page.wait_for_url(f"**{detail(new)}*")
    assert visit.troubles == []


def test_a_panel_runs_a_failed_task_again(visit, worker, order, operator, tmp_path, expect):
    tasks.fails_once.delay(order.pk, str(tmp_path / "once"))
    failed = told(order, lambda task: task.state == "FAILURE", "the failure")
    page = visit(f"/orders/{order.pk}/", operator)
    page.get_by_text("Run again", exact=True).click()
    page.get_by_role("button", name="Run this task again").click()
    new = told(order, lambda task: task.state == "SUCCESS", "the success")
    expect(page.get_by_text(f"run again as {new.id[:8]}")).to_be_visible()
    expect(page.get_by_text(f"run again of {failed.id[:8]}")).to_be_visible()
    assert visit.troubles == []


def test_what_asks_is_run_again_twice_from_a_panel_that_stays_open(visit, worker, order, operator, settings, expect):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": {tasks.fails.name: {"confirm": True}}}
    tasks.fails.delay(order.pk)
    told(order, lambda task: task.state == "FAILURE", "the failure")
    page = visit(f"/orders/{order.pk}/", operator)
    for number in (2, 3):
        page.get_by_text("Run again", exact=True).last.click()
        page.get_by_role("button", name="Run this task again").last.click()
        wait_for(lambda number=number: len(tasks_for(order)) == number, "another one")
        expect(page.get_by_text(f"run again as {tasks_for(order)[0].id[:8]}")).to_be_visible()
    assert visit.troubles == []


def test_thirty_failed_tasks_of_a_list_are_run_again(visit, worker, order, operator, tracked_list, expect):
    for number in range(30):
        tasks.fails.delay(order.pk, f"number {number}")
    told(order, lambda _: [t.state for t in tasks_for(order)].count("FAILURE") == 30, "the failures")
    page = visit(f"{reverse('celery_ops:task-list')}?state=FAILURE&name=tests.shop.tasks.fails", operator)
    page.get_by_role("link", name="Run again all").click()
    page.get_by_role("button", name="tasks again").click()
    expect(page.get_by_role("heading", name="Run again: done")).to_be_visible()
    record = ControlRecord.objects.get()
    assert record.replies["done"] >= 30
    assert TaskRunRecord.objects.filter(object_id=str(order.pk)).count() == 30
    assert visit.troubles == []


def test_chosen_tasks_of_a_list_are_run_again(visit, worker, order, operator, tracked_list, expect):
    ids = [tasks.fails.delay(order.pk).id for _ in range(3)]
    told(order, lambda _: [t.state for t in tasks_for(order)].count("FAILURE") == 3, "the failures")
    page = visit(reverse("celery_ops:task-list"), operator, java_script_enabled=False)
    for task_id in ids[:2]:
        page.locator(f'tr[data-key="{task_id}"] [type=checkbox]').check()
    page.get_by_role("button", name="Run again selected").click()
    page.get_by_role("button", name="Run 2 tasks again").click()
    expect(page.get_by_text("2 tasks were sent once more.")).to_be_visible()
    assert set(TaskRunRecord.objects.values_list("retry_of", flat=True)) == set(ids[:2])


def test_the_failure_of_three_days_ago_is_found_by_a_word_and_run_again_with_its_real_arguments(
    visit, worker, site, order, operator, tmp_path, expect
):
    """Its error is found among others'; its object has forgotten it since."""
    word, then = str(tmp_path / "once"), timezone.now() - timedelta(days=3)
    failed = tasks.fails_once.delay(order.pk, word).id
    told(order, lambda task: task.state == "FAILURE", "the failure")
    result = '{"exc_type": "ValueError", "exc_message": ["not yet"], "exc_module": "builtins"}'
    row = {"task_name": "tests.shop.tasks.fails_once", "status": "FAILURE", "result": result}
    TaskResult.objects.update_or_create(task_id=failed, defaults=row)
    TaskResult.objects.filter(task_id=failed).update(date_created=then, date_done=then)
    with closing(redis.Redis.from_url(site.store)) as client:
        client.delete(*(key for key in client.scan_iter() if b"~task" not in key))
    for number, message in enumerate(("the card was refused", "no such order", "not now")):
        fields = {**row, "result": result.replace("not yet", message)}
        TaskResult.objects.create(task_id=f"other-{number}", **fields)
    page = visit(reverse("celery_ops:task-list"), operator)
    expect(page.locator("tr[data-key]")).to_have_count(4)
    page.get_by_label("Search").fill("yet")
    page.get_by_label("Search").press("Enter")
    expect(page.locator("tr[data-key]")).to_have_count(1)
    expect(page.locator(f'tr[data-key="{failed}"]')).to_contain_text("not yet")
    page.locator(f'tr[data-key="{failed}"] a').first.click()
    expect(page.get_by_text("Belongs to")).to_be_visible()
    page.get_by_role("button", name="Run again", exact=True).click()
    page.get_by_role("button", name="Run 1 task again").click()
    told(order, lambda task: task.state == "SUCCESS" and task.retry_of == failed, "the success")
    assert TaskRunRecord.objects.get().args == [order.pk, word]
