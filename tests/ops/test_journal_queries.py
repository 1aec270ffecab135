"""What the journals are asked for most is found through an index, however long they are."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from celery_ops.control.standing import REVOKE
from celery_ops.models import ControlRecord, TaskRunRecord, asked_by
from celery_ops.task_detail import task_detail
from tests.conftest import browser_of, make_user

from .journal import JOURNAL

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.mariadb]

CONTROL_JOURNAL = f"{JOURNAL}control/"
#: From so many rows on every database takes an index.
MANY = 2000


@pytest.fixture(autouse=True)
def _pages(pages):
    """Everything is in memory."""


@pytest.fixture
def reader():
    return make_user("reader", "celery_ops.view_taskrunrecord", "celery_ops.view_ops")


@pytest.fixture
def many_rows():
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(20))
    for model, rows in ((ControlRecord, revoke), (TaskRunRecord, run)):
        model.objects.bulk_create(rows(number, users[number % len(users)]) for number in range(MANY))
    if connection.vendor == "postgresql":  # it goes by what it has counted
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def revoke(number, user):
    return ControlRecord(action=REVOKE, target=f"id-{number}", **asked_by(user))


def run(number, user):
    return TaskRunRecord(task_name=f"shop.tasks.t{number % 5}", task_id=str(number), **asked_by(user))


def plan(call, model):
    """Return how the database finds what ``call`` asks of a table last."""
    with CaptureQueriesContext(connection) as captured:
        call()
    table = f"FROM {connection.ops.quote_name(model._meta.db_table)}"
    *_others, statement = (query["sql"] for query in captured if table in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"{connection.ops.explain_query_prefix()} {statement}")
        return "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())


def test_the_last_revoke_of_a_task_is_found_by_its_id(many_rows):
    assert "celery_ops_control_target" in plan(lambda: task_detail("nobody-revoked-it"), ControlRecord)
    assert "celery_ops_control_target" in plan(lambda: task_detail("id-7"), ControlRecord)


@pytest.mark.parametrize(
    ("page", "model", "index"),
    [
        (JOURNAL, TaskRunRecord, "celery_ops_(run_user|taskrunrecord_user_id)"),
        (CONTROL_JOURNAL, ControlRecord, "celery_ops_controlrecord_user_id"),
    ],
)
@pytest.mark.parametrize("name", ["reader", "nobody"])
def test_rows_of_somebody_who_has_none_are_looked_for_by_the_user(page, model, index, name, many_rows, reader):
    assert re.search(index, plan(lambda: browser_of(reader).get(f"{page}?user={name}"), model))


@pytest.mark.parametrize("parameter", ["name", "q"])
def test_a_name_that_no_task_has_is_looked_for_among_the_names_alone(parameter, many_rows, reader):
    assert "celery_ops_run_newest" in plan(
        lambda: browser_of(reader).get(f"{JOURNAL}?{parameter}=where"), TaskRunRecord
    )


def test_runs_of_a_part_of_a_name_are_those_of_the_names_that_have_it(many_rows, reader):
    with CaptureQueriesContext(connection) as captured:
        browser_of(reader).get(f"{JOURNAL}?name=TASKS.t3")
    assert any("task_name" in query["sql"] and "IN ('shop.tasks.t3')" in query["sql"] for query in captured)
