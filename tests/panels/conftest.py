"""What the tests of pages and panels share: a store in memory, a broker in memory, people, and what was published."""

import contextlib
from unittest import mock

import pytest
from django.contrib.auth.backends import BaseBackend

from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.exceptions import StoreUnavailable
from tests.conftest import broker, make_user
from tests.conftest import browser_of as browser  # noqa: F401 - the name that these tests know it by
from tests.shop.models import Order


class ObjectPermissions(BaseBackend):
    """Grants for an object only, as guardian does: ``granted`` holds (user name, permission, object)."""

    granted: set = set()

    def has_perm(self, user_obj, perm, obj=None):
        return (user_obj.get_username(), perm, obj) in self.granted


@pytest.fixture(autouse=True)
def _in_memory(memory_store, settings, loaded_tasks):
    """No test here needs a server; one that does names its own after this."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 0.1}
    with broker("memory://"):
        known_workers().forget()
        yield


@pytest.fixture
def grant_objects(settings):
    """Let a test grant a permission for one object only."""
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        f"{__name__}.{ObjectPermissions.__name__}",
    ]
    ObjectPermissions.granted = set()
    yield lambda user, permission, obj: ObjectPermissions.granted.add((user.get_username(), permission, obj))
    ObjectPermissions.granted = set()


@pytest.fixture
def other_order(db):
    return Order.objects.create(reference="B-2")


@pytest.fixture
def reader(db):
    """Staff who may look and no more."""
    return make_user("reader", is_staff=True)


@contextlib.contextmanager
def away(store):
    """The store does not answer."""
    with mock.patch.multiple(
        store, read=mock.DEFAULT, write=mock.DEFAULT, look_up=mock.DEFAULT, ping=mock.DEFAULT
    ) as m:
        for method in m.values():
            method.side_effect = StoreUnavailable("away")
        yield
