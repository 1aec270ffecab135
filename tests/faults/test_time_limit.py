"""A time limit that strikes while tracking waits for the store still reaches the task."""

import json
import time
import uuid

import pytest

from tests.servers import PATIENCE, Worker
from tests.shop import tasks


@pytest.fixture
def slow_worker(site, store_server):
    """A worker that waits long for its store: longer than the task may run."""
    # a busy machine needs more to come to the task's own code
    later = {"celery_ops.tracking.decorators.REARM_AFTER": 2}
    environment = {
        **site.environment,
        "TEST_CELERY_OPS": json.dumps({"STORE_TIMEOUT": 3}),
        "TEST_HURRY": json.dumps(later),
    }
    name = f"slow-{uuid.uuid4().hex[:6]}@test"
    worker = Worker(name, environment, "-c", "1", "-Q", name, app="tests.quick_app")
    yield worker
    store_server.thaw()
    worker.stop()


def test_a_soft_limit_that_strikes_in_a_receiver_stops_the_task(slow_worker, store_server, order):
    store_server.freeze()
    began = time.monotonic()
    result = tasks.limited.apply_async((order.pk,), queue=slow_worker.hostname)
    assert result.get(PATIENCE) == "stopped"
    assert time.monotonic() - began < 25  # the task itself would take thirty
