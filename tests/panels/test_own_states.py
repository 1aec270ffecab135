"""States that tasks give themselves, and messages that were delivered again, on panels and badges."""

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_celery_results.models import TaskResult

from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.exceptions import BackendUnavailable
from celery_ops.tracking import facts
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms
from tests.pages import states, words
from tests.planting import panel_of, plant

from .conftest import browser
from .test_panel_view import shown
from .test_template_tags import BADGE, page

pytestmark = pytest.mark.django_db

UPLOADING = "UPLOADING"


@pytest.fixture
def uploading(order):
    task_id = plant(order, state="STARTED", ago=10)
    TaskResult.objects.create(task_id=task_id, status=UPLOADING, result='{"percent": 40}')
    return task_id


def test_a_state_of_a_tasks_own_is_shown_by_its_name(order, reader, uploading):
    html = shown(order, reader)
    assert states(html) == [UPLOADING]
    assert UPLOADING in words(html)


def test_a_state_of_a_tasks_own_is_on_the_badge(order, reader, uploading):
    assert UPLOADING in words(page(BADGE, reader, obj=order))


def test_a_task_in_a_state_of_its_own_still_runs(order, reader, uploading):
    assert 'data-active="1"' in shown(order, reader)


def test_a_panel_can_be_kept_to_a_state_of_a_tasks_own(order, reader, uploading):
    plant(order, state="SUCCESS")
    html = shown(order, reader, f"?state={UPLOADING}")
    assert states(html) == [UPLOADING]
    assert f'<option value="{UPLOADING}" selected>' in html


def test_a_state_that_no_task_has_keeps_nothing_out(order, reader, uploading):
    assert states(shown(order, reader, "?state=DOWNLOADING")) == [UPLOADING]


def test_a_state_of_a_tasks_own_is_over_when_tracking_knows_its_end(order, reader):
    task_id = plant(order, state="SUCCESS")
    TaskResult.objects.create(task_id=task_id, status=UPLOADING)
    assert states(shown(order, reader)) == ["SUCCESS"]


@pytest.mark.parametrize("ago", [10, 600], ids=["while it runs", "lost"])
@pytest.mark.parametrize(("row", "end"), [("SUCCESS", "SUCCESS"), ("FAILURE", "FAILURE"), ("STARTED", "")])
def test_a_task_has_ended_as_its_result_says_where_its_process_could_not_tell(row, end, ago, order, reader):
    task_id = plant(order, state="STARTED", ago=ago)
    open_state = "STARTED" if ago == 10 else "LOST"
    assert states(shown(order, reader)) == [open_state]
    TaskResult.objects.create(task_id=task_id, status=row, result='{"exc_type": "ValueError", "exc_message": ["no"]}')
    html = shown(order, reader)
    assert states(html) == [end or open_state]
    assert ("ValueError" in words(html)) is (end == "FAILURE")


@pytest.mark.parametrize(("state", "asked"), [("SUCCESS", False), ("STARTED", True)])
def test_results_are_asked_for_while_a_task_runs_and_not_else(order, reader, state, asked):
    plant(order, state=state)
    client, url = browser(reader), panel_of(order, reader)
    with CaptureQueriesContext(connection) as seen:
        client.get(url)
    assert any("taskresult" in query["sql"] for query in seen.captured_queries) is asked


def test_a_task_runs_as_started_while_its_results_cannot_be_read(order, reader, uploading, monkeypatch):
    def away(*_):
        raise BackendUnavailable("The database with the task results does not answer.")

    monkeypatch.setattr(ResultsTaskBackend, "get_many", away)
    assert states(shown(order, reader)) == ["STARTED"]


def test_a_site_of_panels_alone_is_not_told_at_each_poll_that_it_has_no_results(order, reader, monkeypatch, caplog):
    plant(order, state="STARTED", ago=10)
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "django_celery_results")
    assert states(shown(order, reader)) == ["STARTED"]
    assert caplog.records == []


def test_results_that_cannot_be_read_leave_the_pages_transaction_whole(order, reader, uploading, monkeypatch):
    def broken(*_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM no_such_table")

    monkeypatch.setattr(ResultsTaskBackend, "get_many", broken)
    with transaction.atomic():
        html = page("{% instance_tasks obj %}", reader, obj=order)
        assert TaskResult.objects.count() == 1
    assert states(html) == ["STARTED"]


# -- delivered again


def test_a_panel_says_that_a_message_was_delivered_again(order, reader):
    stamp, ref = Stamp((ObjectRef.of(order),), (), now_ms()), ObjectRef.of(order)
    for delivery in ("aa", "bb"):
        run = Execution("twice", "tests.shop.tasks.noop", 0, Stamp((ref,), (), stamp.published), delivery=delivery)
        for kind, value in facts.started(now_ms(), None, f"celery@{delivery}", stamp.published).items():
            run.note(kind, value)
        recorder().record(run.first_batch())
    assert "delivered twice" in words(shown(order, reader))


def test_a_panel_says_nothing_of_executions_where_each_attempt_had_one(order, reader):
    plant(order)
    assert "delivered" not in words(shown(order, reader))
