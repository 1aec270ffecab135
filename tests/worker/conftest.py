"""One worker on each broker for all the tests of a process: objects keep them apart, and no test stops a worker."""

import itertools
import uuid

import pytest

from celery_ops import tasks_for
from tests.conftest import visiting
from tests.servers import BROKER_DB, Site, Worker, wait_for
from tests.shop.models import Order

numbers = itertools.count(1)


@pytest.fixture(scope="session", params=["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def shared(request, redis_server):
    """A site and its worker, which runs the site's checks as workers do elsewhere."""
    url = f"{redis_server.url}/{BROKER_DB}" if request.param == "redis" else request.getfixturevalue("rabbitmq_url")
    site = Site(url, store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    environment = {**site.environment, "CELERY_SKIP_CHECKS": ""}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "2", app="tests.quick_app")
    yield site, worker
    worker.stop()


@pytest.fixture
def site(shared, settings):
    with visiting(shared[0], settings) as site:
        yield site


@pytest.fixture
def worker(shared, site):
    return shared[1]


@pytest.fixture
def order():
    """An order of this test's own; tracking never asks the database whether it is there."""
    return Order(pk=next(numbers))


@pytest.fixture
def other():
    return Order(pk=next(numbers))


def reached(obj, state, name=""):
    """Wait until a task of ``obj`` is in ``state``, and return it."""

    def found():
        return next((task for task in tasks_for(obj) if task.state == state and task.name.endswith(name)), None)

    return wait_for(found, f"{name or 'a task'} of {obj} to be {state}")
