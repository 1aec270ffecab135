"""By which schedule beat sent a task goes with its message: through a real worker, and to retries."""

import pytest

from tests.shop import tasks

from .conftest import reached

pytestmark = pytest.mark.usefixtures("worker")

BY_NIGHTLY = {"celery_ops_schedule": "nightly"}


def test_a_task_says_by_which_schedule_it_was_sent(order):
    tasks.process_payment.apply_async((order.pk,), headers=BY_NIGHTLY)
    assert reached(order, "SUCCESS").schedule == "nightly"


def test_a_retry_says_it_too(order):
    tasks.retries.apply_async((order.pk,), {"times": 1}, headers=BY_NIGHTLY)
    task = reached(order, "SUCCESS")
    assert (task.attempts, task.schedule) == (2, "nightly")


def test_what_a_scheduled_task_sends_was_sent_by_that_task(order):
    tasks.parent.apply_async((order.pk,), headers=BY_NIGHTLY)
    assert reached(order, "SUCCESS", "parent").schedule == "nightly"
    assert reached(order, "SUCCESS", "child").schedule is None


@pytest.mark.parametrize("name", ["n" * 251, "two\nlines", 7, ["nightly"], None])
def test_a_header_that_somebody_made_up_says_nothing_and_hurts_nothing(order, name):
    tasks.process_payment.apply_async((order.pk,), headers={"celery_ops_schedule": name})
    assert reached(order, "SUCCESS").schedule is None
