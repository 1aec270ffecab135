"""From a task's id to its objects, and the tasks published last, whichever store keeps them."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from celery_ops import tasks_for
from celery_ops.tracking import facts, histories, index, newest, prefix, runs
from celery_ops.tracking.memory import TRIM_ABOVE
from celery_ops.tracking.reading import find_task, newest_tasks, read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp, now_ms
from celery_ops.tracking.store import INDEX
from tests.conftest import broker
from tests.planting import plant
from tests.shop import tasks
from tests.shop.models import Order, Page

DAY = 86400
REF = ObjectRef("shop.order", "1")


@pytest.fixture(params=["memory", "redis"])
def store(request):
    return request.getfixturevalue(f"{request.param}_store")


def order(number):
    return Order(pk=number)


def test_a_task_is_found_by_its_id(store):
    task_id = plant(order(1))
    assert [(ref, task.id) for ref, task in find_task(task_id)] == [(ObjectRef("shop.order", "1"), task_id)]


@pytest.mark.parametrize("store", ["redis"], indirect=True)
def test_a_task_is_found_without_reading_the_others_of_its_time(store, reads):
    """A day of ten million tasks has thousands in each part of the index."""
    task_id = plant(order(1))
    assert index.objects_of(task_id) == [ObjectRef("shop.order", "1")]
    assert index.objects_of_many({task_id: now_ms(), "unknown": now_ms()}) == {task_id: [ObjectRef("shop.order", "1")]}
    assert reads == []


@pytest.mark.parametrize("store", ["redis"], indirect=True)
def test_so_many_new_tasks_that_reading_them_takes_long_are_counted_and_not_read(store, monkeypatch, reads):
    plant(order(1))
    monkeypatch.setattr(newest, "MOST_READ", -1)
    assert newest.newest_tasks(10) is None
    assert reads == []


def test_an_unknown_id_is_found_nowhere(store):
    plant(order(1))
    assert find_task("unknown") == []


def test_a_task_of_two_objects_is_found_with_both(store):
    refs = [ObjectRef("shop.order", "1"), ObjectRef("shop.page", "a b,c/é\n\ud800")]
    recorder().record([index.entry("id", refs, now_ms())])
    assert index.objects_of("id") == refs


def test_a_task_of_an_object_with_a_long_key_is_found(store):
    page = Page(pk="x" * 100)
    task_id = plant(page)
    assert [ref.pk for ref, _ in find_task(task_id)] == [page.pk]


@pytest.mark.parametrize("task_id", ["a/b", "", "é", "a\x00b", "\ud800", "x" * 500, "=:"])
def test_ids_of_any_text_are_found(store, task_id):
    plant(order(1), task_id=task_id)
    assert [task.id for _, task in find_task(task_id)] == [task_id]


def test_a_task_of_almost_a_retention_ago_is_found(store):
    task_id = plant(order(1), ago=DAY - 60)
    assert find_task(task_id)


@pytest.fixture
def execution():
    """One of a task that was published three days ago, with a countdown."""
    run = Execution("id", "shop.tasks.remind", 0, Stamp((REF,), published=now_ms() - 3 * DAY * 1000))
    for kind, value in facts.started(now_ms(), None, "celery@here", run.stamp.published).items():
        run.note(kind, value)
    return run


def test_a_task_that_began_long_after_its_publish_is_found(store, execution):
    recorder().record(execution.first_batch())
    assert [task.id for _, task in find_task("id")] == ["id"]
    assert list(newest.newest_tasks(10)) == ["id"]


def test_a_task_that_ran_for_long_is_found_for_as_long_as_its_object_has_it(store, execution, monkeypatch):
    recorder().record(execution.first_batch())
    now = now_ms() + (DAY - 3600) * 1000
    for module in (index, newest, runs, histories):
        monkeypatch.setattr(module, "now_ms", lambda: now)
    execution.note_now(facts.ENDED["SUCCESS"])
    recorder().record(execution.batch())
    now += (DAY - 3600) * 1000
    assert [task.id for task in read_tasks([REF])[0]] == ["id"]
    assert [task.id for _, task in find_task("id")] == ["id"]


def test_a_task_that_begins_and_ends_soon_is_written_once(store, execution):
    execution.stamp = Stamp((REF,), published=now_ms())
    recorder().record(execution.first_batch())
    assert len(execution.batch()) == 1


def test_a_publisher_whose_clock_is_ahead_is_found(store):
    task_id = plant(order(1), ago=-60)
    assert find_task(task_id)


def test_a_published_task_is_found_before_a_worker_has_it(store):
    with broker("memory://"):
        result = tasks.noop.delay(7)
    assert [task.state for _, task in find_task(result.id)] == ["PENDING"]


def test_a_task_that_ran_is_found(store, eager):
    result = tasks.noop.delay(7)
    assert [task.state for _, task in find_task(result.id)] == ["SUCCESS"]


def test_the_newest_tasks_are_those_of_all_objects_newest_first(store):
    planted = [plant(order(number), ago=number * 60) for number in range(1, 5)]
    assert [task.id for task in newest_tasks(3)] == planted[:3]


def test_the_newest_tasks_until_a_moment_are_not_fewer_for_what_came_after_it(store):
    planted = [plant(order(number % 3), ago=ago) for number, ago in enumerate((60, 120, 180, 3600, DAY - 3600))]
    until = datetime.now(timezone.utc) - timedelta(seconds=150)
    assert [task.id for task in newest_tasks(2, until)] == planted[2:4]
    assert [task.id for task in newest_tasks(10, until)] == planted[2:]


def test_the_newest_tasks_reach_back_over_quiet_hours(store):
    late, early = plant(order(1), ago=60), plant(order(2), ago=DAY - 3600)
    assert [task.id for task in newest_tasks(10)] == [late, early]


@pytest.fixture
def reads(store, monkeypatch):
    """How many places of the store were read, question by question."""
    numbers, read = [], type(store).read
    monkeypatch.setattr(type(store), "read", lambda store, refs: numbers.append(len(refs)) or read(store, refs))
    return numbers


def test_hours_that_are_over_are_read_once(store, reads):
    planted = [plant(order(1), ago=60), plant(order(2), ago=DAY // 2)]
    for _round in range(2):
        assert list(newest.newest_tasks(10)) == planted
    first, again = reads[: len(reads) // 2 + 1], reads[len(reads) // 2 + 1 :]
    assert sum(again) <= newest.SAMPLE * 2 + index.SHARDS * 3 < sum(first) / 3


def test_hours_that_are_over_are_read_again_after_a_while(store):
    newest.newest_tasks(10)
    newest._old_slots[store].seconds = -1
    assert list(newest.newest_tasks(10)) == []
    early = plant(order(1), ago=DAY // 2)
    assert list(newest.newest_tasks(10)) == [early]


def test_of_an_hour_with_many_tasks_nothing_is_kept(store):
    newest.newest_tasks(10)
    newest._old_slots[store].most = -1  # nor of one without any: the next one may begin between two tasks
    newest._old_slots[store]._kept.clear()
    early = plant(order(1), ago=DAY // 2)
    assert list(newest.newest_tasks(10)) == [early]
    other = plant(order(2), ago=DAY // 2)
    assert sorted(newest.newest_tasks(10)) == sorted([early, other])


def test_what_is_new_is_seen_at_once(store):
    newest.newest_tasks(10)
    task_id = plant(order(1))
    assert list(newest.newest_tasks(10)) == [task_id]


def test_hours_that_are_over_are_of_one_tenant(settings, memory_store):
    early = plant(order(1), ago=DAY // 2)
    assert list(newest.newest_tasks(10)) == [early]
    with prefix.using("another"):
        assert list(newest.newest_tasks(10)) == []


def test_a_task_of_two_objects_is_listed_once(store):
    task_id = plant(order(1))
    plant(order(2), task_id=task_id)
    assert [task.id for task in newest_tasks(10)] == [task_id]


def test_an_index_does_not_show_as_an_object(store):
    plant(order(1))
    assert len(tasks_for(order(1))) == 1


def test_an_index_is_never_trimmed(store):
    place = ObjectRef(INDEX, "1-1")
    names = [str(number) for number in range(TRIM_ABOVE + 50)]
    for name in names:
        store.write([(place, {name: "shop.order 1"})])
    assert set(store.read([place])[0]) == set(names)


def test_foreign_text_in_the_index_finds_nothing(store):
    place, _ = index.entry("id", [], now_ms())
    store.write([(place, {"=id:": "\x00,,rubbish, x"})])
    assert find_task("id") == []


@pytest.mark.parametrize("name", ["", "1", "xyzxy", "\u0663", "=id", "x" * 5000, "\x00"])
def test_a_foreign_name_in_the_index_is_no_task(store, name):
    task_id = plant(order(1))
    place, _ = index.entry(task_id, [], now_ms())
    store.write([(place, {name: "shop.order 1"})])
    assert [task.id for task in newest_tasks(10)] == [task_id]
    assert list(newest.newest_tasks(10)) == [task_id]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.lists(st.text(), max_size=3))
def test_any_key_comes_back(memory_store, keys):
    refs = [ObjectRef("shop.page", key) for key in keys]
    recorder().record([index.entry("id", refs, now_ms())])
    assert index.objects_of("id") == refs
