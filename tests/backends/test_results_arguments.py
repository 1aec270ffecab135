"""What failed tasks were given is read once for each time that their rows were written."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.results import backend as results
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.results.known_arguments import KnownArguments
from celery_ops.task_query import TaskQuery
from tests.backends.result_rows import exception, row

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known(memory_store, monkeypatch):
    known = KnownArguments()
    monkeypatch.setattr(results, "known_arguments", known)
    return known


def failed(id, args='"(1,)"'):
    return row(id, status="FAILURE", result=exception("ValueError: no"), task_args=args)


def look():
    """Return the arguments of the listed tasks, and how many queries it took to read them."""
    backend = ResultsTaskBackend()
    tasks = backend.page(TaskQuery()).tasks
    with CaptureQueriesContext(connection) as captured:
        complete = backend.with_arguments(tasks)
    assert [task.id for task in complete] == [task.id for task in tasks]
    return [task.args for task in complete], len(captured)


def test_arguments_are_read_once():
    failed("one"), failed("two", '"(2,)"')
    assert (look(), look()) == ((['"(2,)"', '"(1,)"'], 1), (['"(2,)"', '"(1,)"'], 0))


def test_a_new_task_has_its_own_read():
    failed("one")
    look()
    failed("two", '"(2,)"')
    assert look() == (['"(2,)"', '"(1,)"'], 1)


def test_a_row_that_was_written_again_is_read_again():
    stored = failed("one")
    look()
    stored.task_args = '"(3,)"'
    stored.save()
    assert look() == (['"(3,)"'], 1)


def test_what_has_no_end_is_read_each_time():
    row("one", status="STARTED", task_args='"(1,)"')
    assert (look(), look()) == ((['"(1,)"'], 1), (['"(1,)"'], 1))


@pytest.mark.parametrize("bound", [{"seconds": -1}, {"most": -1}])
def test_they_are_known_for_a_while_and_of_so_many(known, bound):
    failed("one"), failed("two")
    for name, value in bound.items():
        setattr(known, name, value)
    look()
    TaskResult.objects.update(date_done=timezone.now() - timedelta(minutes=1))
    look()
    assert look()[1] == 1


def test_many_at_once_are_not_kept(known):
    failed("one")
    backend = ResultsTaskBackend()
    (task,) = backend.page(TaskQuery()).tasks
    assert len(backend.with_arguments([task] * 251)) == 251
    assert look()[1] == 1
