"""One worker, whose broker and results are well, and a store of each test's own that is not."""

import itertools
import json
import time
import uuid

import pytest

from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.memory import MemoryStore
from tests.conftest import visiting
from tests.servers import RedisServer, Site, Worker, free_port, wait_for
from tests.shop import tasks
from tests.shop.models import Order

numbers = itertools.count(1)

#: Seconds: short enough to wait for, and longer than a store that is well lets a busy machine wait.
STORE_TIMEOUT = 2.0

#: No queue that a worker listens to.
NOWHERE = "no-worker-listens-here"

#: Where a test waits for the store to be asked again, it does not wait long.
SOON = {
    "celery_ops.tracking.recording.breaker.COOL_DOWN": 0.2,
    "celery_ops.tracking.recording.breaker.COOL_DOWN_MAX": 0.4,
}


@pytest.fixture(scope="session")
def faulty_site(redis_server):
    store = f"redis://127.0.0.1:{free_port()}/0"
    return Site(f"{redis_server.url}/4", store, results=f"{redis_server.url}/5", store_timeout=STORE_TIMEOUT)


@pytest.fixture(scope="session")
def patient_worker(faulty_site):
    """A worker that outlives every fault of its store."""
    environment = {**faulty_site.environment, "TEST_HURRY": json.dumps(SOON)}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "1", app="tests.quick_app")
    yield worker
    worker.stop()


@pytest.fixture
def store_server(faulty_site):
    """The store: whatever a test does to it, every key has an end."""
    server = RedisServer(int(faulty_site.store.rpartition(":")[2].partition("/")[0]))
    yield server
    server.kill()


@pytest.fixture
def site(faulty_site, store_server, settings):
    with visiting(faulty_site, settings) as site:
        tasks.untracked.apply_async(queue=NOWHERE)  # connects to the broker, so that a stall is the store's
        yield site
        end_outage(recorder_module.recorder())


def end_outage(recorder):
    """Let no timer of this test's write, count or log into the next one."""
    recorder.store.close()
    recorder.store = MemoryStore()
    wait_for(lambda: recorder.try_again() or recorder.is_well, "the outage to end")


@pytest.fixture
def soon(monkeypatch):
    """Here too the store is asked again soon."""
    for path, value in SOON.items():
        monkeypatch.setattr(path, value)


@pytest.fixture
def order():
    return Order(pk=next(numbers))


@pytest.fixture
def orders():
    """Many orders: an object keeps the newest of its tasks only."""
    return [Order(pk=next(numbers)) for _ in range(40)]


def seconds_of(call, *args, **kwargs):
    """Return how long a call takes."""
    before = time.monotonic()
    call(*args, **kwargs)
    return time.monotonic() - before
