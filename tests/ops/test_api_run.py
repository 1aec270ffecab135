"""``api-run``: what it answers, and whom."""

import pytest
from django.test import Client
from django.urls import reverse

from celery_ops.exceptions import StoreUnavailable
from celery_ops.openapi.schemas import SCHEMAS
from tests.conftest import make_user
from tests.planting import plant

from .backends import Tasks
from .journal import id_of, journal
from .task_backends import HOSTILE, a_task

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _pages(pages, no_live_task):
    """Everything is in memory, and no broker is asked."""


def ask(user, task_id=None):
    client = Client()
    if user:
        client.force_login(user)
    return client.get(reverse("celery_ops:api-run", args=[task_id or id_of(1)]))


def test_ones_own_run_is_answered_with_what_became_of_it(runner):
    Tasks.hold(a_task(1, "FAILURE"))
    record = journal(1, runner)
    assert ask(runner).json() == {
        "task_id": id_of(1),
        "task_name": "shop.tasks.charge",
        "state": "FAILURE",
        "worker": "celery@web-1",
        "created_at": "2026-03-14T11:59:00+00:00",
        "started_at": "2026-03-14T11:59:02+00:00",
        "finished_at": "2026-03-14T11:59:05+00:00",
        "attempts": None,
        "progress": None,
        "revoke_requested_at": None,
        "revoke": None,
        "record": record.pk,
        "send_state": "SENT",
        "error": "ValueError",
    }


def test_an_answer_has_all_that_the_document_says_it_has(runner):
    Tasks.hold(a_task(1, "FAILURE"))
    journal(1, runner)
    assert set(SCHEMAS["Run"]["required"]) <= set(ask(runner).json()) <= set(SCHEMAS["Run"]["properties"])


def test_with_view_payload_arguments_result_and_traceback_are_there_redacted(operator):
    Tasks.hold(a_task(1, "FAILURE", args=[7], kwargs={"password": "hunter2"}, traceback="T-1"))
    found = ask(operator).json()
    assert (found["args"], found["kwargs"], found["traceback"]) == ([7], {"password": "[redacted]"}, "T-1")
    assert (found["error"], found["result"]) == ("ValueError: the card was refused", None)


def test_arguments_come_from_the_journal_when_no_other_source_has_them(operator):
    journal(1, operator, args=[7], kwargs={"reference": "A-1"})
    found = ask(operator).json()
    assert (found["args"], found["kwargs"]) == ([7], {"reference": "A-1"})


def test_what_nobody_has_heard_of_is_pending_since_it_was_asked_for(runner):
    record = journal(1, runner)
    found = ask(runner).json()
    assert (found["state"], found["created_at"]) == ("PENDING", record.created_at.isoformat())


def test_a_failed_send_is_pending_and_says_that_it_failed(runner):
    journal(1, runner, send_state="FAILED", error="OperationalError: at 10.0.0.7")
    found = ask(runner).json()
    assert (found["state"], found["send_state"], found["error"]) == ("PENDING", "FAILED", "OperationalError")


def test_progress_is_there_while_it_runs(runner, order):
    record = journal(1, runner)
    plant(order, record.task_name, "STARTED", task_id=id_of(1), ago=10, progress="3 10 password=hunter2")
    progress = ask(runner).json()["progress"]
    assert progress == {"current": 3, "total": 10, "message": "password=[redacted]"}


def test_a_foreign_run_is_unknown(runner):
    journal(1)
    answer = ask(runner)
    assert (answer.status_code, answer.json()) == (404, {"errors": {"__all__": ["Not found."]}})


@pytest.mark.parametrize(
    ("permission", "code"), [("celery_ops.add_taskrunrecord", 200), ("celery_ops.revoke_task", 404)]
)
def test_ones_own_run_is_open_for_as_long_as_one_may_run_tasks(permission, code, db):
    somebody = make_user("somebody", permission)
    journal(1, somebody)
    assert ask(somebody).status_code == code


def test_anonymous_visitors_are_asked_to_log_in():
    journal(1)
    assert ask(None).status_code == 401


def test_with_view_ops_every_task_is_answered_with_the_row_that_one_may_see(operator, staff):
    Tasks.hold(a_task(1))
    record = journal(1)
    assert ask(operator).json()["record"] == record.pk
    assert (ask(staff).json()["record"], ask(staff).json()["send_state"]) == (None, None)


def test_an_unknown_task_is_404(operator):
    assert ask(operator, "no/such task").status_code == 404


def test_a_task_that_its_list_does_not_know_is_404_while_another_source_is_away(operator, monkeypatch):
    def read_account(task_id):
        raise StoreUnavailable

    monkeypatch.setattr("celery_ops.tracking.accounts.read_account", read_account)
    answer = ask(operator)
    assert (answer.status_code, answer.json()) == (
        404,
        {"errors": {"__all__": ["The tracking store does not answer."]}},
    )


def test_a_task_that_a_source_which_is_away_may_know_is_503(operator, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "tests.ops.task_backends.Away"}
    answer = ask(operator)
    assert (answer.status_code, answer.json()) == (503, {"errors": {"__all__": ["The distant place does not answer."]}})


def test_the_rest_is_answered_while_a_source_is_away(runner, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TASK_BACKEND": "tests.ops.task_backends.Away"}
    journal(1, runner)
    assert ask(runner).status_code == 200


@pytest.mark.parametrize(
    "task_id", [text for text in HOSTILE if len(text) < 2000 and text not in ("/", "..", "a/../b")]
)
def test_any_text_may_be_asked_for(task_id, operator, runner):
    assert {ask(operator, task_id).status_code, ask(runner, task_id).status_code} == {404}
