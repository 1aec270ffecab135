"""One worker for all the tests of a process, with results where Celery itself joins chords."""

import itertools
import uuid
from contextlib import contextmanager

import pytest

from celery_ops.tracking.workflows.members import membership
from celery_ops.workflows.workflow import Workflow
from tests.conftest import visiting
from tests.servers import Site, Worker, wait_for
from tests.shop.models import Order

numbers = itertools.count(5_000_000)


@contextmanager
def working(site):
    """A site, and a worker of it meanwhile."""
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", site.environment, "-c", "2", app="tests.quick_app")
    yield site, worker
    worker.stop()


@pytest.fixture(scope="session")
def shared(redis_server):
    url = redis_server.url
    with working(Site(f"{url}/45", store=f"{url}/1", results=f"{url}/3")) as both:
        yield both


@pytest.fixture
def site(shared, settings):
    with visiting(shared[0], settings) as site:
        yield site


@pytest.fixture
def worker(shared, site):
    return shared[1]


@pytest.fixture(scope="session")
def shared_unlocking(redis_server, tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    with working(Site(f"{redis_server.url}/58", store=f"{redis_server.url}/1", results=f"file://{results}")) as both:
        yield both


@pytest.fixture
def unlocking(shared_unlocking, settings):
    """A site where a task of Celery's own waits for the headers of chords."""
    with visiting(shared_unlocking[0], settings) as site:
        yield site


@pytest.fixture
def order():
    """An order of this test's own; tracking never asks the database whether it is there."""
    return Order(pk=next(numbers))


@pytest.fixture
def other():
    return Order(pk=next(numbers))


def seen(task_id, done=None, **numbers):
    """Wait until the workflow of ``task_id`` has come so far, and return it."""
    wanted = numbers if done is None else {"done": done, **numbers}

    def look():
        known = membership(task_id)
        workflow = known and Workflow.of(known)
        if workflow and all(getattr(workflow.progress, name) == number for name, number in wanted.items()):
            return workflow
        return None

    return wait_for(look, f"the workflow of {task_id} to have {wanted}")


def shape(workflow):
    """Return what comes before what, by the last words of the tasks' names."""
    names = {task.task_id: task.name.rpartition(".")[2] for task in workflow.tasks}
    return sorted((names[one], names[other]) for one, other in workflow.edges)
