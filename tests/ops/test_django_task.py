"""What the page of a task says of Django's own task behind it."""

from datetime import timedelta
from importlib.util import find_spec
from types import SimpleNamespace
from unittest import mock

import pytest
from django.urls import reverse
from django.utils import timezone

from celery_ops import tasks_for, tracking
from celery_ops.tracking import runs
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms
from tests.conftest import broker
from tests.pages import words
from tests.shop import tasks
from tests.shop.models import Warehouse

from .task_backends import Held, a_task

if find_spec("django.tasks") is None:
    pytest.skip("Django before 6.0 has no tasks of its own", allow_module_level=True)

from django.tasks.signals import task_started

from tests.shop import django_tasks
from tests.shop.django_backends import a_result

pytestmark = pytest.mark.django_db
STORE = Warehouse(pk=5)


@pytest.fixture(autouse=True)
def _in_memory(held, memory_store, no_live_task):
    """Messages go to a broker in memory, and nobody runs them."""
    with broker("memory://"):
        yield


def page(browser, task_id):
    return words(browser.get(reverse("celery_ops:task-detail", args=[task_id])).text)


def only():
    recorder().flush()
    (task,) = tasks_for(STORE)
    return task


def test_it_says_function_result_and_backend(browser):
    result = django_tasks.lock.enqueue(5)
    assert only().id == result.id
    shown = page(browser, result.id)
    assert "Django task Function tests.shop.django_tasks.lock" in shown
    assert f"Result {result.id}" in shown
    assert "anything (tests.shop.django_backends.TakesAnything)" in shown


@pytest.mark.parametrize("task", [django_tasks.lock, django_tasks.unlock], ids=lambda task: task.backend)
def test_it_says_when_it_runs_at_the_earliest(browser, task):
    later = timezone.now().replace(microsecond=0) + timedelta(hours=3)
    result = task.using(run_after=later).enqueue(5)
    assert only().eta == later
    assert "Run after in 2 h" in page(browser, result.id)


@pytest.mark.parametrize("priority", [-100, -7, 0, 50, 100])
def test_it_says_the_priority_as_django_has_it(browser, priority):
    result = django_tasks.unlock.using(priority=priority).enqueue(5)
    assert only().django_priority == priority
    assert f"wrapping (tests.shop.django_backends.Wraps) Priority {priority} " in f"{page(browser, result.id)} "


def test_a_result_with_an_id_of_its_own_is_shown_beside_celerys(browser):
    result = django_tasks.recall.enqueue(5)
    task = only()
    assert (task.django_result_id, result.id != task.id) == (result.id, True)
    shown = page(browser, task.id)
    assert f"Result {result.id}" in shown


def test_what_was_published_before_is_not_taken_for_it(browser):
    with tracking(STORE):
        tasks.noop.delay(1)
    assert only().django_result_id is None
    django_tasks.lock.enqueue(5)
    recorder().flush()
    assert {task.django_result_id for task in tasks_for(STORE)} == {None}


def test_a_worker_tells_of_both_ids_too():
    run = Execution("celerys", "tests.shop.django_tasks.recall", 0, Stamp((ObjectRef.of(STORE),), (), now_ms()))
    request = SimpleNamespace()
    runs.start(run, request)
    try:
        with mock.patch.object(runs, "current", return_value=run):
            task_started.send(type(None), task_result=a_result(django_tasks.recall, "djangos"))
    finally:
        runs.end(request)
    recorder().record(run.first_batch())
    assert only().django_result_id == "djangos"


def test_celerys_own_task_has_no_such_part(browser):
    Held.hold(a_task())
    assert "Django task" not in page(browser, a_task().id)


def test_one_whose_module_is_not_imported_here_says_its_function(browser):
    Held.hold(a_task(name="django_tasks:shop.jobs.mail"))
    assert "Django task Function shop.jobs.mail" in page(browser, a_task().id)
