"""What a person types into the run page is what the worker receives, for each annotation."""

import pytest
from celery.result import AsyncResult
from django.urls import reverse

from celery_ops.backends.memory import MemoryQueueBackend, MemoryWorkerBackend
from celery_ops.info import WorkerDetail, WorkerInfo
from celery_ops.models import TaskRunRecord
from tests.celery import app
from tests.running.typed import ID, RECEIVED
from tests.servers import PATIENCE
from tests.shop.models import Item, Order, Page
from tests.shop.typed import ANNOTATIONS, PREFIX

pytestmark = pytest.mark.browser

#: One text for each annotation. HTML's own input for a moment holds no offset.
TYPED = {name: row for name, *row in reversed(RECEIVED) if name in ANNOTATIONS and "+00:00" not in row[0]}


@pytest.fixture
def runnable(worker, settings):
    """Every task may be run. What workers and queues say of themselves is not asked for anew by each page."""
    memory = "celery_ops.backends.memory.Memory{}Backend"
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "RUNNABLE_TASKS": "*",
        "WORKER_BACKEND": memory.format("Worker"),
        "QUEUE_BACKEND": memory.format("Queue"),
    }
    with MemoryWorkerBackend.holding(WorkerDetail(WorkerInfo(worker.hostname))), MemoryQueueBackend.holding():
        yield


def enter(page, name, typed):
    field = page.locator(f"[name=arg-{name}]")
    if field.evaluate("each => each.tagName") == "SELECT":
        options = typed.split("|") if field.evaluate("each => each.multiple") else [typed]
        field.select_option([option.lower() if option == "False" else option for option in options])
    else:
        field.fill(typed)


def test_each_annotation_arrives_as_it_was_typed(visit, runnable, superuser, settings):
    settings.TIME_ZONE = "UTC"
    Order.objects.create(pk=71)
    Item.objects.create(pk=ID)
    Page.objects.create(path="/a b/")
    page = visit(reverse("celery_ops:run-task", args=[PREFIX + "everything"]), superuser)
    for name, (typed, *_received) in TYPED.items():
        enter(page, name, typed)
    with page.expect_navigation():
        page.get_by_role("button", name="Run", exact=True).click()
    assert "/journal/" in page.url, page.locator("main").inner_text()
    task_id = TaskRunRecord.objects.get().task_id
    found = AsyncResult(task_id, app=app).get(timeout=PATIENCE)
    assert found == {name: received for name, (_typed, *received) in TYPED.items()}
    assert TYPED.keys() == ANNOTATIONS.keys()
    assert visit.troubles == []
