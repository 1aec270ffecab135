"""What the tests of the operations pages share: backends in memory, and people with a browser."""

import os
import uuid

import pytest
from django.db import connection

from celery_ops.backends.remote.known_workers import known_workers
from tests.conftest import browser_of, make_user, visiting
from tests.servers import Site, Worker

from . import backends, task_backends
from .backends import FrozenWorkers, Queues, Tasks, Workers
from .task_backends import Held

OPS = "/behind/a/prefix/"


@pytest.fixture
def pages(memory_store, settings, loaded_tasks):
    """The pages over backends that are empty until the test fills them."""
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "WORKER_BACKEND": f"{backends.HERE}.Workers",
        "QUEUE_BACKEND": f"{backends.HERE}.Queues",
        "TASK_BACKEND": f"{backends.HERE}.Tasks",
    }
    FrozenWorkers.thaw.clear()
    yield
    FrozenWorkers.thaw.set()
    for backend in (Workers, Queues, Tasks):
        backend.hold()


@pytest.fixture
def held(memory_store, settings, loaded_tasks):
    """The list over a backend in memory, empty until the test fills it."""
    task_backends.use(settings, Held)
    yield
    Held.hold()


@pytest.fixture
def use(settings):
    """Put other backends in their place: ``use(WORKER_BACKEND="AwayWorkers")``."""

    def put(**names):
        chosen = {setting: f"{backends.HERE}.{name}" for setting, name in names.items()}
        settings.CELERY_OPS = {**settings.CELERY_OPS, **chosen}

    return put


@pytest.fixture(scope="package")
def shared(redis_server, django_db_setup):
    """A site and its worker, which does one task at a time and stores results in the tests' database."""
    site = Site(f"{redis_server.url}/25", store=f"{redis_server.url}/1", results="django-db")
    database = {
        "TEST_DATABASE": os.environ.get("TEST_DATABASE", ""),
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
    }
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", {**site.environment, **database}, "-c", "1")
    yield site, worker
    worker.stop()


@pytest.fixture
def real_worker(transactional_db, shared, settings):
    """The one worker of the tests here: they keep to tasks of their own."""
    with visiting(shared[0], settings):
        known_workers().forget()
        try:
            yield shared[1]
        finally:
            known_workers().forget()


@pytest.fixture
def browser(staff):
    """A browser of staff who may see payloads."""
    return browser_of(staff)


@pytest.fixture
def poor_browser(db):
    """A browser of staff who may not."""
    return browser_of(make_user("viewer", is_staff=True))


@pytest.fixture
def runner(db):
    """May run tasks, and so see what became of their own runs."""
    return make_user("runner", "celery_ops.add_taskrunrecord")


@pytest.fixture
def operator(db):
    """May see every task and every row, with arguments, and do nothing."""
    return make_user("operator", "celery_ops.view_ops", "celery_ops.view_payload", "celery_ops.view_taskrunrecord")


@pytest.fixture
def allow(settings):
    """Let these tasks be run: names, or names with options."""

    def put(allowed):
        settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": allowed}

    return put
