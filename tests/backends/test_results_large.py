"""Rows of large results on SQLite are read once, and again when they were written."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.results import known_rows
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.results.known_rows import KnownRows
from celery_ops.task_query import TaskQuery
from tests.backends.result_rows import row

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="other databases keep large values elsewhere"),
]
LARGE = "x" * 2_000_000


@pytest.fixture(autouse=True)
def rows(memory_store, monkeypatch):
    """All rows are taken for large ones once there were two looks."""
    rows = KnownRows(long=0)
    monkeypatch.setattr(known_rows, "known_rows", rows)
    return rows


def look(**query):
    """Return the tasks of a page, and how many rows' results were looked into for it."""
    with CaptureQueriesContext(connection) as captured:
        tasks = ResultsTaskBackend().page(TaskQuery(**query)).tasks
    whole = [each["sql"] for each in captured.captured_queries if '"words"' in each["sql"]]
    return tasks, len(whole)


def looks(number, **query):
    return [look(**query) for _number in range(number)]


def test_a_page_that_took_long_twice_is_kept():
    for number in range(3):
        row(f"{number}", task_name="shop.tasks.charge", worker="w@host")
    (plain, _), (first, read), (kept, read_again) = looks(3)
    assert plain == first == kept
    assert (read, read_again) == (1, 0)


def test_what_is_kept_is_no_task_made_anew(rows):
    row("one", task_name="shop.tasks.charge", worker="w@host")
    (read, _), (again, _) = looks(4)[2:]
    assert read[0] is again[0]


def test_a_page_that_took_long_once_is_no_large_one(rows):
    row("one")
    look()
    rows.long = 10
    look()
    rows.long = 0
    assert [read for _tasks, read in looks(2)] == [1, 1]
    assert look()[1] == 0


@pytest.mark.parametrize(
    "change", [{"worker": "other@host"}, {"status": "FAILURE"}, {"task_name": "another"}, {"meta": "{}"}]
)
def test_a_row_that_was_saved_is_read_again(change):
    kept = row("one", task_name="shop.tasks.charge", worker="w@host")
    looks(4)
    for name, value in change.items():
        setattr(kept, name, value)
    kept.save()
    changed, read = look()
    known_rows.known_rows.forget()
    assert (changed, read) == (look()[0], 1)


def test_a_status_is_read_whoever_wrote_it():
    row("one")
    looks(4)
    TaskResult.objects.update(status="FAILURE")
    assert [task.state for task in look()[0]] == ["FAILURE"]


def test_rows_that_were_written_at_one_moment_are_told_apart():
    for number in range(3):
        row(f"{number}")
    TaskResult.objects.update(date_done=timezone.now() - timedelta(minutes=1))
    looks(4)
    TaskResult.objects.filter(task_id="1").update(date_done=timezone.now(), worker="w@host")
    tasks, read = look()
    assert ([task.worker for task in tasks], read) == ([None, "w@host", None], 1)


def test_a_row_that_is_gone_is_gone():
    row("one"), row("two")
    looks(4)
    TaskResult.objects.filter(task_id="one").delete()
    assert [task.id for task in look()[0]] == ["two"]


def test_filtered_rows_are_kept_too():
    row("one", status="FAILURE"), row("two")
    assert [[task.id for task in tasks] for tasks, _read in looks(4, states=("FAILURE",))] == [["one"]] * 4
    assert look(states=("FAILURE",))[1] == 0


def test_what_was_read_is_kept_for_a_while_and_of_so_many(rows):
    row("one"), row("two")
    rows.most = 1
    assert [read for _tasks, read in looks(5)] == [1, 1, 1, 1, 1]
    rows.seconds = -1
    assert look()[1] == 1


def test_small_rows_are_read_as_they_are(monkeypatch):
    monkeypatch.setattr(known_rows, "known_rows", KnownRows())
    row("one")
    assert [read for _tasks, read in looks(4)] == [1, 1, 1, 1]


def test_large_rows_are_known_by_the_time_that_they_take(monkeypatch):
    monkeypatch.setattr(known_rows, "known_rows", KnownRows(long=0.001))
    for number in range(8):
        row(f"{number}", result=LARGE)
    assert [read for _tasks, read in looks(3)] == [1, 1, 0]
