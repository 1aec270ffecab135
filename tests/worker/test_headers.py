"""What a real worker makes of headers that somebody else gave to a message: Celery has them on the task's request."""

import marshal

import pytest

from celery_ops.tracking.accounts import read_kept_of_many
from celery_ops.tracking.capture import kept_arguments
from tests.servers import wait_for
from tests.shop import tasks

from .conftest import reached

pytestmark = pytest.mark.usefixtures("worker")

#: What a worker's processes note on a request.
NOTES = (
    *("celery_ops_run", "celery_ops_given", "celery_ops_begun", "celery_ops_received", "celery_ops_delivery"),
    *("celery_ops_log", "celery_ops_log_around", "celery_ops_next_step", "celery_ops_failure_noted"),
    *("celery_ops_began", "celery_ops_counted", "celery_ops_cost", "celery_ops_cost_began"),
)


@pytest.mark.parametrize("value", [1.5, "x", {}, [[]], True, 10**12], ids=repr)
def test_a_task_is_followed_though_its_message_says_what_a_worker_notes(order, worker, value):
    tasks.process_payment.apply_async((order.pk,), headers=dict.fromkeys(NOTES, value))
    task = reached(order, "SUCCESS")
    assert task.published_at <= task.received_at <= task.started_at <= task.finished_at
    assert (task.worker, task.cpu_seconds is None) == (worker.hostname, False)


def test_what_a_task_was_given_is_what_its_message_carries_and_not_what_a_header_says():
    """It is what is sent when the task is run again."""
    headers = {"celery_ops_given": marshal.dumps((["another"], {"fate": "fails"}))}
    failed = tasks.untracked_spills.apply_async(("its own",), {"fate": "fails"}, headers=headers)
    kept = wait_for(lambda: read_kept_of_many({failed.id: None}).get(failed.id), "what it was given")
    assert kept_arguments(kept.arguments) == (["its own"], {"fate": "fails"})


def test_a_failure_is_told_though_its_message_says_that_it_was(order):
    tasks.fails.apply_async((order.pk,), headers=dict.fromkeys(NOTES, 1.5))
    assert reached(order, "FAILURE").error == "ValueError: the card was refused"


#: What an attribute of a request is called that is none of a task's, with what Celery would have there and with other.
ATTRIBUTES = [
    *({"headers": value} for value in ("x", ["x"], {"x": "y"}, 5)),
    *({"request_dict": value} for value in ("x", ["x"], {"id": "another", "celery_ops": "x"}, 5)),
]


@pytest.mark.parametrize("headers", ATTRIBUTES, ids=repr)
def test_a_task_is_followed_though_a_header_is_called_like_an_attribute_of_its_request(order, worker, headers):
    tasks.fails.apply_async((order.pk,), headers=headers)
    task = reached(order, "FAILURE")
    assert task.published_at <= task.received_at <= task.started_at <= task.finished_at
    assert (task.worker, task.error) == (worker.hostname, "ValueError: the card was refused")
