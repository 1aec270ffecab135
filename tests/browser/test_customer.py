"""A customer on the page of their order: the page's author vouches for them."""

import pytest

from tests.planting import WORKER, plant
from tests.shop import tasks

from .conftest import state

pytestmark = pytest.mark.browser


@pytest.fixture
def page_of(visit, order):
    return lambda **options: visit(f"/your-order/{order.pk}/", **options)


def test_a_customer_follows_a_task_without_a_reload(page_of, order, worker, expect):
    plant(order, "tests.shop.tasks.process_payment", "PENDING")
    page = page_of()
    tasks.noop.delay(order.pk)
    expect(page.locator("tr[data-key]")).to_have_count(2)
    expect(state(page)).to_have_text("Success")


def test_a_customer_reads_labels(page_of, order, expect):
    plant(order, "tests.shop.tasks.process_payment")
    expect(page_of().locator("tr[data-key] strong")).to_have_text("Charge the card")


def test_a_customer_is_told_no_id_name_worker_or_error(page_of, order):
    task_id = plant(order, "tests.shop.tasks.fails", "FAILURE", error="ValueError: hunter2", traceback="hunter2")
    content = page_of().content()
    assert [said for said in ("hunter2", WORKER, "ValueError", "tests.shop", task_id[:8]) if said in content] == []


def test_a_customer_has_nothing_to_press(page_of, order):
    plant(order, "tests.shop.tasks.long", "STARTED", ago=10)
    names = page_of().locator("button:visible, summary:visible, a:visible").all_inner_texts()
    assert names == []
