"""The record of what brokers delivered before: bounded, and no more than a hint to the facts."""

import uuid

import pytest

from celery_ops.doctor import deliveries
from celery_ops.tracking import redelivery_record
from celery_ops.tracking.recent_redeliveries import recent
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from celery_ops.tracking.store import INDEX
from tests.planting import plant_delivery
from tests.shop.models import Order

pytestmark = pytest.mark.usefixtures("memory_store")
ORDER = Order(pk=7)


def note(task_id, published=None):
    recorder().record(redelivery_record.entries(task_id, published))
    recorder().flush()


def twice(number=1, **task):
    """A task that was delivered twice, and is in the record: its id is of its number, since two may share a place."""
    task_id = str(uuid.UUID(int=number))
    plant_delivery(ORDER, task_id, "aa", ended=20, **task)
    plant_delivery(ORDER, task_id, "bb", received=25, begun=26, ended=30, **task)
    note(task_id, now_ms() - 7_200_000)
    return task_id


def findings():
    return [(finding.level, finding.message) for finding in deliveries.check()]


@pytest.mark.parametrize(
    ("delivery_info", "is_marked"),
    [
        ({"redelivered": True}, True),
        ({"redelivered": 1}, True),
        ({"redelivered": False}, False),
        ({"redelivered": None}, False),
        ({}, False),
        (None, False),
        ("redelivered", False),
    ],
)
def test_a_broker_marks_what_it_delivered_before(delivery_info, is_marked):
    assert redelivery_record.is_marked(delivery_info) is is_marked


def test_what_was_delivered_twice_is_told_with_its_executions():
    task_id = twice()
    (delivered,) = recent()
    assert (delivered.task.id, len(delivered.executions)) == (task_id, 2)


def test_what_came_again_and_was_begun_once_is_not():
    task_id = str(uuid.uuid4())
    plant_delivery(ORDER, task_id, "aa")
    note(task_id, now_ms() - 7_200_000)
    assert recent() == []


def test_what_nobody_keeps_any_more_is_not():
    note(str(uuid.uuid4()))
    assert recent() == []


def test_a_storm_leaves_a_bounded_record():
    for _number in range(2000):
        recorder().record(redelivery_record.entries(str(uuid.uuid4()), None))
    recorder().flush()
    place = ObjectRef(INDEX, f"twice-{now_ms() // redelivery_record.DAY}")
    assert len(recorder().store.read([place])[0]) <= redelivery_record.PLACES
    assert len(redelivery_record.noted()) == redelivery_record.MOST_READ


def test_of_two_tasks_in_one_place_of_the_record_the_newer_is_kept():
    places = {}
    numbers = iter(range(2000))
    while len(places) == len(set(places.values())):
        task_id = str(uuid.UUID(int=next(numbers)))
        ((_ref, fields),) = redelivery_record.entries(task_id, None)
        places[task_id] = next(iter(fields))
    (older,) = (one for one, place in places.items() if place == places[task_id] and one != task_id)
    note(older)
    note(task_id)
    assert list(redelivery_record.noted()) == [task_id]


@pytest.mark.parametrize("text", ["", "x", "1", "1 2", "1 2 x", "a b c", "1 2 =%ff", "9" * 40, "1 2 " + "é" * 22])
def test_what_is_not_ours_in_the_record_is_left_out(text):
    place = ObjectRef(INDEX, f"twice-{now_ms() // redelivery_record.DAY}")
    recorder().record([(place, {"7": text})])
    recorder().flush()
    assert redelivery_record.noted() == {}


def test_an_id_too_long_for_the_record_is_left_out():
    assert list(redelivery_record.entries("x" * 60, None)) == []


def test_doctor_finds_nothing_where_nothing_came_twice():
    assert findings() == [("ok", "No tracked task ran twice since yesterday because its message came again.")]


def test_doctor_counts_by_task_and_likely_cause():
    twice(1)
    twice(2)
    twice(3, name="shop.tasks.mail")
    ((level, message),) = findings()
    assert (level, message.partition(".")[0]) == ("warning", "3 tasks ran twice since yesterday: shop")
    assert "tests.shop.tasks.noop (2)" in message
    assert "shop.tasks.mail" in message
