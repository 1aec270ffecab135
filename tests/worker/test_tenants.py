"""Tenants that share workers and a store: what is known of one's tasks is kept, and shown, under that one's prefix."""

import contextlib
import uuid

import pytest
import redis

from celery_ops import tasks_for, tracking
from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking.reading import find_task
from celery_ops.tracking.recorder import recorder
from tests.celery import app
from tests.conftest import visiting
from tests.servers import Site, Worker, wait_for
from tests.shop import tasks
from tests.shop.models import Order

ORDER = Order(pk=1)


@pytest.fixture(scope="module")
def started(redis_server):
    """A site, and a worker that knows of no tenant."""
    site = Site(f"{redis_server.url}/6", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", site.environment, "-c", "1", app="tests.tenants")
    yield site
    worker.stop()


@pytest.fixture
def tenant(started, settings):
    """Be a tenant's site: ``tenant("acme")``."""
    with visiting(started, settings):
        here = ["acme"]
        settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: f"{started.prefix}-{here[0]}"}
        yield lambda name: here.__setitem__(0, name)


@pytest.fixture
def keys(redis_server, started):
    """The keys of one tenant."""
    with contextlib.closing(redis.Redis(port=redis_server.port, db=1)) as client:
        yield lambda name: client.keys(f"{started.prefix}-{name}:*")


def ended(state):
    """Wait until every task of the order has ended, and return their ids."""

    def all_ended():
        found = tasks_for(ORDER)
        return bool(found) and all(task.state == state for task in found) and [task.id for task in found]

    return wait_for(all_ended, f"the tenant's tasks to be {state}")


def test_a_worker_keeps_each_tenants_tasks_under_that_ones_prefix(tenant, keys):
    ids = {}
    for name in ("acme", "beta"):
        tenant(name)
        ids[name] = tasks.process_payment.delay(1).id
    for name in ("acme", "beta"):
        tenant(name)
        assert ids[name] in ended("SUCCESS")
        assert [bool(find_task(task_id)) for task_id in ids.values()] == [name == "acme", name == "beta"]
    assert keys("nobody") == []


def test_what_never_reached_the_pool_is_its_own_tenants_too(tenant, keys):
    tenant("zeta")
    with tracking(ORDER):
        app.send_task("nobody.has.it")
    assert ended("FAILURE")
    assert keys("nobody") == []


def test_what_failed_untracked_can_be_run_again_by_its_own_tenant_alone(tenant, keys):
    tenant("gamma")
    task_id = app.send_task("tests.shop.tasks.untracked_noop").id  # without its argument
    wait_for(lambda: find_task(task_id), "the failure to be kept")
    tenant("delta")
    assert (find_task(task_id), keys("nobody")) == ([], [])


def test_a_worker_is_alive_for_every_tenant(tenant, redis_server):
    tenant("epsilon")
    with contextlib.closing(redis.Redis(port=redis_server.port, db=1)) as client:
        assert wait_for(lambda: client.keys("celery_ops:worker:*"), "a sign of life")


def test_nobodys_tasks_are_not_shown(tenant, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": lambda: None}
    with pytest.raises(StoreUnavailable):
        recorder().ask(lambda store: store.ping())
