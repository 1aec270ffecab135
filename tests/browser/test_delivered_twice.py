"""A person finds a task that was delivered twice, and reads why."""

import uuid

import pytest

from tests.planting import plant_delivery

pytestmark = pytest.mark.browser
LIST = "/behind/a/prefix/tasks/"


def test_a_task_that_ran_beside_itself_says_where_and_why(visit, order, superuser, expect):
    task_id = str(uuid.uuid4())
    plant_delivery(order, task_id, "aa", worker="celery@web-1.shop.example", pid=41207, begun=1, ended=4000)
    plant_delivery(
        order, task_id, "bb", worker="celery@web-2.shop.example", pid=977, received=3600, begun=3601, ended=3700
    )
    page = visit(f"{LIST}{task_id}/", superuser)
    card = page.locator("[data-deliveries]")
    expect(card.locator("tbody tr")).to_have_count(2)
    expect(card).to_contain_text("while another one was not over")
    expect(card).to_contain_text("visibility_timeout")
    phone = visit(f"{LIST}{task_id}/", superuser, viewport={"width": 420, "height": 900}, color_scheme="dark")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 420
    assert visit.troubles == []
