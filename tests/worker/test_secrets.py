"""What a real worker holds goes by the task's own name, and shows what its caller wants shown."""

import json

import pytest

from celery_ops.backends.control import ControlWorkerBackend
from celery_ops.backends.remote.gather import ask
from celery_ops.management.inspection import shown
from celery_ops.payload import payload
from tests.servers import wait_for
from tests.shop import tasks

SECRET = "hunter2secret"


@pytest.fixture
def held(worker, loaded_tasks):
    """Publish a task that waits in the worker, and return it as its page does, and as ``inspect`` does."""
    results = []

    def hold(**options):
        result = tasks.process_payment.apply_async((7, SECRET), countdown=600, **options)
        results.append(result)

        def scheduled():
            detail = ControlWorkerBackend().worker(worker.hostname)
            return detail and next((task for task in detail.scheduled if task.id == result.id), None)

        task = wait_for(scheduled, "the worker to hold the task")
        reply = ask({"scheduled": {}}, [worker.hostname]).replies[worker.hostname]["scheduled"]
        return task, json.dumps(shown("scheduled", reply))

    yield hold
    for result in results:
        result.revoke()


def test_a_shadow_is_no_name(held):
    task, inspected = held(shadow="sign in")
    assert task.name == tasks.process_payment.name
    assert SECRET not in payload.arguments_text(task)
    assert SECRET not in inspected


def test_what_the_caller_wants_shown_is_shown(held):
    task, inspected = held(argsrepr="('an order', '***')")
    assert json.loads(payload.arguments_text(task))["args"][0] == "an order"
    assert "an order" in inspected
    assert SECRET not in payload.arguments_text(task) + inspected
    assert "celery_ops_shown" not in inspected
