"""From a task's id to its objects, and the tasks published last, whichever store keeps them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from celery_ops import tasks_for
from celery_ops.tracking import index
from celery_ops.tracking.memory import TRIM_ABOVE
from celery_ops.tracking.reading import find_task, newest_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.tracking.store import INDEX
from tests.conftest import broker
from tests.planting import plant
from tests.shop import tasks
from tests.shop.models import Order, Page

DAY = 86400


@pytest.fixture(params=["memory", "redis"])
def store(request):
    return request.getfixturevalue(f"{request.param}_store")


def order(number):
    return Order(pk=number)


def test_a_task_is_found_by_its_id(store):
    task_id = plant(order(1))
    assert [(ref, task.id) for ref, task in find_task(task_id)] == [(ObjectRef("shop.order", "1"), task_id)]


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


def test_the_newest_tasks_reach_back_over_quiet_hours(store):
    late, early = plant(order(1), ago=60), plant(order(2), ago=DAY - 3600)
    assert [task.id for task in newest_tasks(10)] == [late, early]


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.lists(st.text(), max_size=3))
def test_any_key_comes_back(memory_store, keys):
    refs = [ObjectRef("shop.page", key) for key in keys]
    recorder().record([index.entry("id", refs, now_ms())])
    assert index.objects_of("id") == refs
