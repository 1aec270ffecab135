"""The tracking store as a task backend: the suite that every one passes, and what is its own."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from celery_ops import states
from celery_ops.backends import tracked
from celery_ops.backends.tracked import NEWEST, READ_FIRST, TrackedTaskBackend
from celery_ops.exceptions import BackendUnavailable
from celery_ops.task_query import Count, Counts, TaskPage, TaskQuery
from celery_ops.testing import TaskBackendContract
from celery_ops.testing.task_suite import forward
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


@pytest.fixture
def asked(redis_store, monkeypatch):
    """The ids of the tasks that were read."""
    ids, read = [], type(redis_store).read_begun

    def read_begun(store, wanted):
        ids.extend(short for _ref, shorts in wanted for short in shorts)
        return read(store, wanted)

    monkeypatch.setattr(type(redis_store), "read_begun", read_begun)
    return ids


def plant_many(number, names=("shop.nap",)):
    """Plant so many tasks, a second between two of them, and return their ids, the newest first."""
    batch, now = [], ms(datetime.now(timezone.utc))
    for place in range(number):
        ref, at, name = ObjectRef("shop.order", str(place)), now - 1000 * place, names[place % len(names)]
        batch += [(ref, facts.published(str(place), at, name)), index.entry(str(place), [ref], at)]
    recorder().record(batch)
    return [str(place) for place in range(number)]


def test_a_page_reads_what_it_shows_and_not_all_that_is_listed(asked):
    planted = plant_many(300)
    page = TrackedTaskBackend().page(TaskQuery(), size=25)
    assert [task.id for task in page.tasks] == planted[:25]
    assert len(asked) == READ_FIRST
    asked.clear()
    page = TrackedTaskBackend().page(TaskQuery(), cursor=page.next, size=25)
    assert [task.id for task in page.tasks] == planted[25:50]
    assert (len(asked), bool(page.previous)) == (READ_FIRST, True)


@pytest.mark.parametrize("apart", [0, 1, 7], ids=["all", "none", "some"])
def test_tasks_of_one_moment_are_each_on_one_page(memory_store, apart):
    batch, now = [], ms(datetime.now(timezone.utc))
    for number in range(200):
        at = now - 1000 - (number // apart if apart else 0)
        batch += [(REF, facts.published(str(number), at, "shop.nap")), index.entry(str(number), [REF], at)]
    recorder().record(batch)
    listed = [task.id for page in forward(TrackedTaskBackend(), TaskQuery(), 11) for task in page.tasks]
    assert sorted(listed, key=int) == [str(number) for number in range(200)]


def test_a_text_that_is_a_whole_id_finds_that_task_alone_however_old(memory_store):
    plant_many(300)
    assert [task.id for task in TrackedTaskBackend().page(TaskQuery(text="299"), size=5).tasks] == ["299"]
    assert [task.id for task in TrackedTaskBackend().page(TaskQuery(text="2"), size=5).tasks] == ["2"]


def test_a_filter_reads_until_its_page_is_full(asked):
    planted = plant_many(600, names=("shop.nap",) * 9 + ("shop.rare",))
    page = TrackedTaskBackend().page(TaskQuery(name="rare"), size=10)
    assert [task.id for task in page.tasks] == planted[9:100:10]
    assert len(asked) == len(set(asked)) == 4 * READ_FIRST
    asked.clear()
    assert TrackedTaskBackend().page(TaskQuery(name="nothing")) == TaskPage(())
    assert len(asked) == len(set(asked)) == 600


def test_what_a_page_lists_is_not_read_again_for_its_counts(asked):
    plant_many(300)
    backend = TrackedTaskBackend()
    backend.page(TaskQuery())
    assert backend.counts(TaskQuery(name="nap")).all == Count(300)
    assert len(asked) == len(set(asked)) == 300


def test_a_look_is_over_after_a_while(memory_store, monkeypatch):
    monkeypatch.setattr(tracked, "KEPT_FOR", -1.0)
    backend = TrackedTaskBackend()
    for number in (1, 2):
        plant(Order(pk=1))
        assert backend.counts(TaskQuery()).all.number == number


def test_of_more_tasks_than_are_listed_it_is_said_that_there_are_at_least_so_many(memory_store, monkeypatch):
    plant(Order(pk=1), ago=3600, state="FAILURE")
    plant_many(30, names=("shop.nap", "shop.rare"))
    monkeypatch.setattr(tracked, "NEWEST", 31)
    every = Counts(Count(31), {"PENDING": Count(30), "FAILURE": Count(1)})
    assert TrackedTaskBackend().counts(TaskQuery()) == every
    monkeypatch.setattr(tracked, "NEWEST", 30)
    most = Count(30, capped=True)
    assert TrackedTaskBackend().counts(TaskQuery()) == Counts(most, {"PENDING": most})
    assert TrackedTaskBackend().counts(TaskQuery(name="rare")).all == Count(15, capped=True)
    since = TaskQuery(since=datetime.now(timezone.utc) - timedelta(minutes=30))
    assert TrackedTaskBackend().counts(since) == Counts(Count(30), {"PENDING": Count(30)})
    assert [task.id for task in TrackedTaskBackend().page(TaskQuery(), size=100).tasks] == [str(n) for n in range(30)]


def test_tasks_whose_publish_nobody_timed_are_behind_all_others_on_every_page(memory_store):
    planted, now = plant_many(100), datetime.now(timezone.utc)
    for number in range(3):
        fields = facts.published(f"foreign-{number}", None, "shop.nap")
        fields |= {
            facts.field(f"foreign-{number}", kind): value
            for kind, value in facts.started(ms(now), None, "w@test").items()
        }
        recorder().record([(REF, fields), index.entry(f"foreign-{number}", [REF], ms(now))])
    backend = TrackedTaskBackend()
    listed = [task.id for page in forward(backend, TaskQuery(), 30) for task in page.tasks]
    assert listed == [*planted, "foreign-0", "foreign-1", "foreign-2"]


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
