"""Tables that another transaction keeps locked: a page comes in time, and the site's connection is as it was."""

import contextlib
import time

import pytest
from django.db import connection
from django_celery_results.models import TaskResult

from celery_ops.models import TaskRunRecord
from tests.conftest import browser_of, make_user

from .conftest import OPS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.mariadb]

#: How one waits for locks on a connection.
WAITS = {
    "postgresql": "SHOW lock_timeout",
    "mysql": "SELECT @@lock_wait_timeout",
    "sqlite": "PRAGMA busy_timeout",
}
#: How a whole table is locked, and what ends that.
LOCKS = {
    "postgresql": ("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", "ROLLBACK"),
    "mysql": ("LOCK TABLES {} WRITE", "UNLOCK TABLES"),
    "sqlite": ("BEGIN EXCLUSIVE", "ROLLBACK"),
}


@contextlib.contextmanager
def locked(model):
    """Somebody else has it."""
    begin, end = LOCKS[connection.vendor]
    other = connection.copy()
    other.ensure_connection()
    cursor = other.connection.cursor()
    cursor.execute(begin.format(model._meta.db_table))
    try:
        yield
    finally:
        cursor.execute(end)
        other.close()


@pytest.fixture
def client(memory_store, loaded_tasks, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": ["tests.shop.tasks.untracked"]}
    for setting in ("WORKER", "QUEUE"):
        settings.CELERY_OPS[f"{setting}_BACKEND"] = f"celery_ops.backends.memory.Memory{setting.title()}Backend"
    return browser_of(make_user("root", is_superuser=True))


def waits():
    with connection.cursor() as cursor:
        cursor.execute(WAITS[connection.vendor])
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("model", "path", "said"),
    [
        (TaskResult, "tasks/", "The database with the task results does not answer."),
        (TaskRunRecord, "journal/", "The journal does not answer."),
        (TaskRunRecord, "run/", "The journal does not answer."),
    ],
    ids=["tasks", "journal", "run"],
)
def test_a_locked_table_keeps_no_page(model, path, said, client):
    assert client.get(OPS + path).status_code == 200
    before = waits()
    with locked(model):
        begun = time.monotonic()
        response = client.get(OPS + path)
        took = time.monotonic() - begun
    assert took < 2.5
    assert waits() == before
    if connection.vendor == "sqlite":  # where nobody can be looked up either
        assert response.status_code == 503
        return
    assert (response.status_code, said in response.text) == (200, True)
    assert said not in client.get(OPS + path).text
