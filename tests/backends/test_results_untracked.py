"""Of tasks that are over and that nobody tracked, the store is not asked at each look."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.backends.results import tracked
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.results.tracked import Untracked
from celery_ops.info import TaskInfo
from celery_ops.task_query import TaskQuery
from tests.backends.result_rows import plant
from tests.panels.conftest import away
from tests.planting import plant as tracked_as

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked(memory_store, monkeypatch):
    """The ids of the tasks that the store is asked about, look by look."""
    looks = []
    find = tracked.reading.find_tasks
    monkeypatch.setattr(
        tracked.reading,
        "find_tasks",
        lambda published, seen, **said: looks.append(sorted({*published, *seen})) or find(published, seen, **said),
    )
    return looks


def task(id, minutes, state="SUCCESS"):
    ended = timezone.now() - timedelta(minutes=minutes)
    return TaskInfo(id, "shop.tasks.charge", state, created_at=ended - timedelta(seconds=1), finished_at=ended)


def look():
    return ResultsTaskBackend().page(TaskQuery()).tasks


def test_a_task_that_is_over_is_asked_about_once(asked):
    plant(task("old", 5), task("new", 0), task("running", 5, "STARTED"))
    look()
    look()
    assert asked == [["new", "old", "running"], ["new", "running"]]


def test_a_row_that_was_written_again_is_asked_about_again(asked):
    plant(task("old", 5))
    look()
    TaskResult.objects.update(date_done=timezone.now() - timedelta(minutes=2))
    look()
    assert asked == [["old"], ["old"]]


def test_each_tenant_has_tasks_of_its_own(asked, settings):
    plant(task("old", 5))
    for tenant in ("one", "two", "one"):
        settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_PREFIX": tenant}
        look()
    assert asked == [["old"], ["old"], []]


@pytest.mark.parametrize(("seconds", "most"), [(-1, 100), (60, 0)])
def test_it_is_remembered_for_a_while_and_of_so_many(asked, monkeypatch, seconds, most):
    monkeypatch.setattr(tracked, "untracked", Untracked(seconds, most))
    for number in range(2):
        plant(task(f"old-{number}", 5))
        look()
    look()
    assert asked[-1] != []


# -- of what is tracked and has no row


def found(text, **query):
    return [(task.id, task.state) for task in ResultsTaskBackend().page(TaskQuery(text=text, **query)).tasks]


@pytest.mark.parametrize("state", ["STARTED", "RETRY", "SUCCESS", "FAILURE"])
def test_a_tracked_task_whose_result_is_not_kept_is_found_by_its_whole_id(state, order):
    tracked_as(order, "tests.shop.tasks.long", state, task_id="charge-0001")
    plant(task("charge-0002", 5))
    assert found("charge-0001") == found("charge-0001", states=("PENDING",)) == [("charge-0001", state)]
    assert (found("charge-000"), found("-0001")) == ([("charge-0002", "SUCCESS")], [])


def test_a_search_for_what_nobody_knows_finds_nothing_while_the_store_is_away(memory_store):
    with away(memory_store):
        assert found("charge-0001") == []
