"""What a caller bound is a primary key; what Celery puts in front of a later step's arguments is not."""

import pytest
from celery import chain, chord, group

from celery_ops import tasks_for
from tests.servers import PATIENCE
from tests.shop import tasks
from tests.shop.models import Order, Page, Seat

from .conftest import numbers, reached

pytestmark = pytest.mark.usefixtures("worker")

SECONDS = PATIENCE


def test_an_immutable_step_with_a_key_is_linked(order, other):
    chain(tasks.noop.s(order.pk), tasks.process_payment.si(other.pk)).delay().get(SECONDS)
    assert not reached(other, "SUCCESS", "process_payment").is_child


def test_an_immutable_step_behind_an_untracked_one_is_linked(order):
    chain(tasks.untracked.s(), tasks.process_payment.si(order.pk)).delay().get(SECONDS)
    reached(order, "SUCCESS", "process_payment")


def test_a_later_step_belongs_to_the_first_ones_object_as_a_child(order):
    chain(tasks.returns.s(order.pk, 1), tasks.untracked.s()).delay().get(SECONDS)
    assert reached(order, "SUCCESS", "untracked").is_child


def test_the_result_of_a_tracked_step_is_not_the_next_ones_key(order, other):
    chain(tasks.returns.s(order.pk, other.pk), tasks.process_payment.s()).delay().get(SECONDS)
    assert tasks_for(other) == []
    assert [task.name for task in tasks_for(order)] == [tasks.returns.name]


def test_the_result_of_an_untracked_step_is_not_the_next_ones_key(other):
    assert chain(tasks.untracked.s(other.pk), tasks.process_payment.s()).delay().get(SECONDS) == {"order": other.pk}
    assert tasks_for(other) == []


def test_the_result_of_a_middle_step_is_not_the_next_ones_key(other):
    chain(tasks.untracked.s(0), tasks.untracked.si(other.pk), tasks.process_payment.s()).delay().get(SECONDS)
    assert tasks_for(other) == []


def test_a_key_bound_by_keyword_is_linked_behind_a_result(order):
    chain(tasks.untracked.s("hello"), tasks.named.s(order_id=order.pk)).delay().get(SECONDS)
    reached(order, "SUCCESS", "named")


def test_the_result_before_a_group_is_not_its_tasks_key(other):
    steps = chain(tasks.untracked.s(other.pk), group(tasks.process_payment.s(), tasks.process_payment.s()))
    assert steps.delay().get(SECONDS) == [{"order": other.pk}] * 2
    assert tasks_for(other) == []


def test_a_key_inside_a_group_behind_a_result_is_linked(order, other):
    steps = chain(tasks.untracked.s(0), group(tasks.process_payment.si(order.pk), tasks.process_payment.si(other.pk)))
    steps.delay().get(SECONDS)
    assert [len(tasks_for(order)), len(tasks_for(other))] == [1, 1]


def test_the_result_before_a_chord_is_not_its_headers_key(other):
    steps = chain(tasks.untracked.s(other.pk), chord([tasks.noop.s(), tasks.process_payment.s()], tasks.untracked.s()))
    steps.delay().get(SECONDS)
    assert tasks_for(other) == []


def test_the_results_of_a_chord_are_not_its_bodys_key():
    row = f"row {next(numbers)}"
    body = chord([tasks.untracked.s(row), tasks.untracked.s(3)], tasks.reserve.s()).delay()
    assert body.get(SECONDS) == [row, 3]
    assert tasks_for(Seat(row=row, number=3)) == []


def test_the_result_of_a_chord_of_one_is_not_its_bodys_key(other):
    chord([tasks.untracked.s(other.pk)], tasks.process_payment.s()).delay().get(SECONDS)
    assert tasks_for(other) == []


def test_a_chord_body_with_a_key_of_its_own_is_linked(order):
    chord([tasks.untracked.s(1), tasks.untracked.s(2)], tasks.process_payment.si(order.pk)).delay().get(SECONDS)
    reached(order, "SUCCESS", "process_payment")


def test_the_result_is_not_the_key_of_a_link(other):
    result = tasks.untracked.apply_async((other.pk,), link=tasks.process_payment.s())
    result.get(SECONDS)
    assert result.children[0].get(SECONDS) == {"order": other.pk}
    assert tasks_for(other) == []


def test_the_result_is_not_the_key_of_a_link_among_several(other):
    result = tasks.untracked.apply_async((other.pk,), link=[tasks.process_payment.s(), tasks.noop.s()])
    result.get(SECONDS)
    assert [child.get(SECONDS) for child in result.children[0].children] == [{"order": other.pk}, None]
    assert tasks_for(other) == []


def test_the_failed_tasks_id_is_not_the_key_of_an_errback(order):
    result = tasks.fails.apply_async((order.pk,), link_error=tasks.render_page.s())
    reached(order, "SUCCESS", "render_page")
    assert tasks_for(Page(path=result.id)) == []


def test_an_errback_belongs_to_the_failed_tasks_object_as_a_child(order):
    result = tasks.fails.apply_async((order.pk,), link_error=tasks.render_page.s())
    assert reached(order, "SUCCESS", "render_page").parent_id == result.id


def test_an_errback_with_a_key_of_its_own_is_linked(order, other):
    tasks.fails.apply_async((order.pk,), link_error=tasks.noop.si(other.pk))
    reached(other, "SUCCESS", "noop")


def test_a_task_that_a_task_launches_with_a_key_is_linked_to_it_as_its_own():
    # The argument of an ordinary call inside a task was given by a person, though the task's id is its parent's.
    order = Order(pk=2 * 10**6)
    tasks.launches.delay(order.pk).get(SECONDS)
    assert not reached(order, "SUCCESS", "process_payment").is_child
