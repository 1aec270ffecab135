"""A worker of each pool, shared by the tests of this folder: tasks keep to ids of their own."""

import itertools
import uuid
from contextlib import contextmanager

import pytest

from celery_ops.backends.remote import snapshot
from celery_ops.backends.remote.known_workers import known_workers
from tests.conftest import visiting
from tests.servers import Site, Worker, skip_without
from tests.shop.models import Order

numbers = itertools.count(1)

#: Options by pool, and the broker's database.
POOLS = {
    "prefork": (["-c", "2"], 40),
    "threads": (["-c", "2"], 41),
    "gevent": (["-c", "4"], 42),
    "solo": ([], 43),
    "eventlet": (["-c", "4"], 51),
}


@pytest.fixture(scope="session")
def started(redis_server):
    """``started(pool)`` returns the site and the worker of a pool, which is started when it is first asked for."""
    workers = {}

    def get(pool):
        if pool not in workers:
            if pool in ("gevent", "eventlet"):
                skip_without(pool)
            options, number = POOLS[pool]
            site = Site(f"{redis_server.url}/{number}", store=f"{redis_server.url}/1", results="disabled://")
            name = f"{pool}-{uuid.uuid4().hex[:6]}@test"
            workers[pool] = site, Worker(name, site.environment, "-P", pool, *options)
        return workers[pool]

    yield get
    for _site, worker in workers.values():
        worker.process.terminate()
    for _site, worker in workers.values():
        worker.stop()


@pytest.fixture
def working(started, settings):
    """``with working(pool) as worker`` visits the site whose worker has this pool."""

    @contextmanager
    def work(pool, **extra):
        site, worker = started(pool)
        with visiting(site, settings):
            settings.CELERY_OPS = {**settings.CELERY_OPS, **extra}
            forget()
            try:
                yield worker
            finally:
                forget()

    return work


@pytest.fixture
def order():
    """An order of this test's own: a worker's tests share a store."""
    return Order(pk=next(numbers))


def forget():
    known_workers().forget()
    snapshot.forget()
