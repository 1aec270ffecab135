"""Tables of MariaDB whose letters have three bytes: what they cannot hold is not there, and nothing is away."""

import re

import pytest
from django.db import connection
from django_celery_results.models import TaskResult

from celery_ops.models import ControlRecord, TaskRunRecord
from celery_ops.task_detail import task_detail
from tests.conftest import browser_of
from tests.pages import html_of, rows, text_of

from .conftest import OPS
from .journal import JOURNAL

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.mariadb,
    pytest.mark.skipif("connection.vendor != 'mysql'", reason="others have letters of one kind"),
]

COLUMNS = {
    TaskResult: ("task_id", "task_name", "worker"),
    TaskRunRecord: ("task_id", "task_name", "object_id", "retry_of", "username"),
    ControlRecord: ("target", "username"),
}


@pytest.fixture(autouse=True)
def _three_bytes(pages, settings):
    settings.CELERY_OPS = {
        **settings.CELERY_OPS,
        "TASK_BACKEND": "celery_ops.backends.results.ResultsTaskBackend",
    }
    have_letters("utf8mb3")
    yield
    have_letters("utf8mb4")


def have_letters(charset):
    with connection.cursor() as cursor:
        for model, names in COLUMNS.items():
            for field in map(model._meta.get_field, names):
                null = "NULL" if field.null else "NOT NULL"
                kind = f"varchar({field.max_length}) CHARACTER SET {charset} {null}"
                cursor.execute(f"ALTER TABLE {model._meta.db_table} MODIFY {field.column} {kind}")


@pytest.mark.parametrize(
    "address",
    [
        f"{OPS}tasks/?q=",
        f"{OPS}tasks/?name=",
        f"{OPS}tasks/?worker=",
        f"{JOURNAL}?q=",
        f"{JOURNAL}?name=",
        f"{JOURNAL}?user=",
        f"{JOURNAL}?retry_of=",
        f"{JOURNAL}?object=shop.order:",
        f"{JOURNAL}control/?target=",
        f"{JOURNAL}control/?user=",
    ],
)
def test_what_a_table_cannot_hold_finds_nothing(address, superuser):
    TaskResult.objects.create(task_id="1")
    response = browser_of(superuser).get(f"{address}🦊")
    html = html_of(response)
    assert response.status_code == 200
    assert not rows(html)
    assert not re.search("(database|journal)[^.]* (does not answer|cannot read)", text_of(html), re.IGNORECASE)


def test_a_task_whose_id_a_table_cannot_hold_is_not_known_and_nothing_is_away():
    assert not re.search("database|journal", " ".join(task_detail("🦊").troubles))
