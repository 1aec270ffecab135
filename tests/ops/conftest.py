"""What the tests of the operations pages share: backends in memory, and people with a browser."""

import pytest
from django.test import Client

from tests.conftest import make_user

from . import backends
from .backends import FrozenWorkers, Queues, Tasks, Workers

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
def use(settings):
    """Put other backends in their place: ``use(WORKER_BACKEND="AwayWorkers")``."""

    def put(**names):
        chosen = {setting: f"{backends.HERE}.{name}" for setting, name in names.items()}
        settings.CELERY_OPS = {**settings.CELERY_OPS, **chosen}

    return put


@pytest.fixture
def browser(staff):
    """A browser of staff who may see payloads."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def poor_browser(db):
    """A browser of staff who may not."""
    client = Client()
    client.force_login(make_user("viewer", is_staff=True))
    return client
