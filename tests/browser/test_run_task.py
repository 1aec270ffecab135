"""A person runs a task: finds it, fills its form, looks at what would be sent, sends it, and sees what became of it."""

import pytest

from celery_ops.backends.memory import MemoryQueueBackend, MemoryWorkerBackend
from celery_ops.info import QueueDetail, QueueInfo, RegisteredTask, WorkerDetail, WorkerInfo
from celery_ops.models import TaskRunRecord

pytestmark = pytest.mark.browser

LIST = "/behind/a/prefix/run/"
GREET = "tests.shop.tasks.named"


@pytest.fixture
def runnable(worker, settings):
    """A task that may be run. What workers and queues say of themselves is not asked for anew by each test."""
    memory = "celery_ops.backends.memory.Memory{}Backend"
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "RUNNABLE_TASKS": {GREET: {"group": "Orders", "label": "Greet the customer"}, "tests.shop.tasks.noop": {}},
        "WORKER_BACKEND": memory.format("Worker"),
        "QUEUE_BACKEND": memory.format("Queue"),
    }
    live = WorkerDetail(WorkerInfo(worker.hostname), registered=(RegisteredTask(GREET),))
    with MemoryWorkerBackend.holding(live), MemoryQueueBackend.holding(QueueDetail(QueueInfo("celery", consumers=1))):
        yield


def focused(page, name):
    """Whether a field has the focus."""
    return page.evaluate("document.activeElement.name") == name


def test_a_task_is_found_previewed_and_run_with_the_keyboard_alone(visit, order, runnable, superuser, expect):
    page = visit(LIST, superuser)
    page.keyboard.press("/")
    page.keyboard.type("greet the")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-key]")).to_have_count(1)
    page.get_by_role("link", name="Greet the customer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Greet the customer")).to_be_visible()
    expect(page.locator(".celery-ops-trouble")).to_have_count(0)  # a live worker has it

    page.get_by_role("tab", name="Fields").focus()
    page.keyboard.press("Tab")
    assert focused(page, "arg-greeting")
    page.keyboard.type('"hello"')
    page.keyboard.press("Tab")
    page.keyboard.type(str(order.pk))
    page.get_by_role("button", name="Preview").press("Enter")

    card = page.locator("#celery-ops-forecast")
    expect(card).to_be_focused()
    expect(card).to_contain_text('"greeting": "hello"')
    expect(card).to_contain_text("@test")  # the worker that has it
    assert not TaskRunRecord.objects.exists()

    page.keyboard.press("Tab")  # past the links of the card to the first button that runs it
    card.get_by_role("button", name="Run").press("Enter")
    page.wait_for_url("**/journal/*/")
    expect(page.get_by_text("Greet the customer was sent.")).to_be_visible()
    expect(page.locator(".celery-ops-state--success").first).to_be_visible()
    assert visit.troubles == []


def test_of_fields_and_json_the_one_that_shows_is_sent(visit, order, runnable, superuser, expect):
    page = visit(f"{LIST}{GREET}/", superuser)
    page.get_by_label("greeting").fill("1")
    page.get_by_role("tab", name="Fields").press("ArrowRight")
    expect(page.get_by_role("tab", name="As JSON")).to_be_focused()
    expect(page.get_by_label("greeting")).to_be_hidden()
    page.get_by_label("args", exact=True).fill('["hello", 7]')
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/journal/*/")
    assert TaskRunRecord.objects.get().args == ["hello", 7]
    assert visit.troubles == []


def test_without_script_a_task_is_run_all_the_same(visit, order, runnable, superuser, expect):
    page = visit(f"{LIST}{GREET}/", superuser, java_script_enabled=False)
    expect(page.get_by_role("tab")).to_have_count(0)
    page.locator("summary", has_text="As JSON").click()
    page.get_by_label("kwargs", exact=True).fill(f'{{"greeting": "hello", "order_id": {order.pk}}}')
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/journal/*/")
    assert TaskRunRecord.objects.get().kwargs == {"greeting": "hello", "order_id": order.pk}
