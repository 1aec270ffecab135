"""The tracking store as a task backend: the suite that every one passes, and what is its own."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from celery_ops import states
from celery_ops.backends.tracked import NEWEST, TrackedTaskBackend
from celery_ops.exceptions import BackendUnavailable
from celery_ops.task_query import TaskQuery
from celery_ops.testing import TaskBackendContract
from celery_ops.tracking import facts, index
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.planting import plant
from tests.shop import tasks
from tests.shop.models import Order

REF = ObjectRef("shop.order", "1")


def ms(moment):
    return round(moment.timestamp() * 1000)


def store_task(task):
    """Write what a publisher and a worker would have written of a task."""
    fields = facts.published(task.id, ms(task.created_at), task.name)
    kinds = {}
    if task.started_at:
        kinds.update(facts.started(ms(task.started_at), None, task.worker or ""))
    if task.finished_at and task.state in facts.ENDED:
        kinds[facts.ENDED[task.state]] = str(ms(task.finished_at))
    if task.error:
        kinds[facts.ERROR] = task.error
    if task.result is not None:
        kinds[facts.RESULT] = json.dumps(task.result)
    fields.update({facts.field(task.id, kind): value for kind, value in kinds.items()})
    if task.args is not None or task.kwargs is not None:
        arguments = {"args": list(task.args or ()), "kwargs": task.kwargs or {}}
        fields[facts.field(task.id, facts.ARGUMENTS)] = facts.EXACT + json.dumps(arguments)
    recorder().record([(REF, fields), index.entry(task.id, [REF], ms(task.created_at))])


class TestTrackedTaskBackend(TaskBackendContract):
    states = (states.PENDING, states.SUCCESS, states.FAILURE)

    @pytest.fixture(autouse=True, params=["memory", "redis"])
    def _store(self, request):
        request.getfixturevalue(f"{request.param}_store")

    def make_backend(self, tasks):
        for task in tasks:
            store_task(task)
        return TrackedTaskBackend()


def test_a_task_that_waits_is_listed(memory_store):
    task_id = plant(Order(pk=1), state="PENDING")
    assert [(t.id, t.state) for t in TrackedTaskBackend().page(TaskQuery()).tasks] == [(task_id, "PENDING")]


def test_a_task_that_is_older_than_those_that_are_listed_is_found_by_its_whole_id(memory_store):
    plant(Order(pk=1), state="FAILURE", task_id="old", ago=60)
    for number in range(NEWEST):
        plant(Order(pk=2 + number // 100), state="PENDING", task_id=str(number), ago=10)
    page, now = TrackedTaskBackend().page, datetime.now(timezone.utc)
    assert [(t.id, t.state) for t in page(TaskQuery(text="old")).tasks] == [("old", "FAILURE")]
    assert page(TaskQuery(text="ol")).tasks == ()
    assert {task_id: t.state for task_id, t in TrackedTaskBackend().get_many(["old", "none"]).items()} == {
        "old": "FAILURE"
    }
    until = TaskQuery(until=now - timedelta(seconds=30))
    assert [t.id for t in page(until).tasks] == ["old"]
    assert TrackedTaskBackend().counts(until).all.number == 1


def test_a_task_that_somebody_without_this_app_has_published_counts_from_its_start(memory_store):
    now = datetime.now(timezone.utc)
    fields = facts.published("foreign", None, "shop.nap")
    fields |= {facts.field("foreign", kind): value for kind, value in facts.started(ms(now), None, "w@test").items()}
    recorder().record([(REF, fields), index.entry("foreign", [REF], ms(now))])
    recorder().flush()
    for query, listed in (
        (TaskQuery(), ["foreign"]),
        (TaskQuery(until=now + timedelta(seconds=1)), ["foreign"]),  # as a bulk that begins now asks
        (TaskQuery(since=now - timedelta(seconds=1)), ["foreign"]),
        (TaskQuery(until=now - timedelta(seconds=1)), []),
    ):
        assert [task.id for task in TrackedTaskBackend().page(query).tasks] == listed


def test_a_real_run_is_told_with_its_payload(memory_store, eager):
    result = tasks.noop.delay(1)
    assert TrackedTaskBackend().get(result.id).args[0] == 1


def test_a_store_that_is_away_is_unavailable(settings):
    settings.CELERY_OPS = {"STORE_URL": "redis://127.0.0.1:1/0"}
    with pytest.raises(BackendUnavailable, match="does not answer"):
        TrackedTaskBackend().page(TaskQuery())
