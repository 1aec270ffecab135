"""A site whose journal's tables are gone, or not there yet: every page comes, and nothing is done without its row."""

import pytest
from django.db import connection
from django.test import Client

from celery_ops.models import ControlRecord, TaskRunRecord
from tests.pages import text_of

from .backends import Queues, Tasks, Workers, queue, worker
from .conftest import OPS
from .task_backends import a_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]

PAGES = [
    "",
    "tasks/",
    "tasks/?format=csv",
    "tasks/?q=order",
    f"tasks/{a_task().id}/",
    "workers/",
    "workers/celery@one/",
    "queues/",
    "queues/celery/",
    "failures/",
    "run/",
    "run/tests.shop.tasks.untracked/",
    f"run/tests.shop.tasks.untracked/?again={a_task().id}",
    "journal/",
    "journal/control/",
    "retry/all/",
    "revoke/all/",
    "revoke/stamped/",
    "api/tasks/",
    "api/history/",
    "api/workers/",
    "api/queues/",
    "api/failures/",
    "api/openapi.json",
]
ROWS = ["journal/1/", "journal/control/1/", "retry/all/1/", "revoke/all/1/", "api/runs/nobody/"]
ACTIONS = {
    "pause": ("control/queues/", {"action": "pause", "queue": "celery"}),
    "resume": ("control/queues/", {"action": "resume", "queue": "celery"}),
    "purge": ("control/queues/", {"action": "purge", "queue": "celery", "confirm": "celery"}),
    "ping": ("control/workers/", {"action": "ping", "destination": "celery@one"}),
    "revoke": ("revoke/", {"task_id": "waits"}),
    "revoke stamped": ("revoke/stamped/", {"header": "customer", "stamps": "7"}),
    "revoke all": ("revoke/all/", {"count": "1"}),
    "retry": ("retry/", {"task_id": a_task().id}),
    "retry all": ("retry/all/", {"count": "1"}),
    "run": ("run/tests.shop.tasks.untracked/", {}),
    "run with a key": (
        "run/tests.shop.tasks.untracked/",
        {"submission": "00000000-0000-4000-8000-000000000001"},
    ),
    "run at a rate": ("run/tests.shop.tasks.untracked_noop/", {"arg-order_id": "1"}),
}
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def _gone(pages, settings, superuser):
    if connection.vendor == "mysql":
        pytest.skip("MariaDB commits when a table goes")
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "RUNNABLE_TASKS": {"tests.shop.tasks.untracked": {}, "tests.shop.tasks.untracked_noop": {"max_per_minute": 1}},
    }
    Workers.hold(worker())
    Queues.hold(queue())
    Tasks.hold(a_task())
    with connection.cursor() as cursor:
        for model in (TaskRunRecord, ControlRecord):
            cursor.execute(f"DROP TABLE {model._meta.db_table}")


@pytest.fixture
def client(superuser):
    client = Client(raise_request_exception=False)
    client.force_login(superuser)
    return client


@pytest.mark.parametrize("path", PAGES)
def test_every_page_comes(path, client):
    response = client.get(OPS + path)
    assert (response.status_code, b"".join(response) if response.streaming else b"") != (500, b"")
    assert response.status_code in (200, 503), text_of(response.text)


@pytest.mark.parametrize("path", ROWS)
def test_one_row_is_not_to_be_had_and_the_page_says_so(path, client):
    assert client.get(OPS + path).status_code in (404, 503)


@pytest.mark.parametrize("headers", [{}, JSON], ids=["page", "JSON"])
@pytest.mark.parametrize(("path", "sent"), ACTIONS.values(), ids=ACTIONS)
def test_nothing_is_done_and_that_is_said(path, sent, headers, client):
    code = 400 if path == "retry/" else 503  # nothing else has kept its arguments
    assert client.post(OPS + path, sent, headers=headers).status_code in (404, code)
