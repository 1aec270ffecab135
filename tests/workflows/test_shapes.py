"""What a workflow is made of, from the moment that its first message is published: chains, groups, chords."""

import pytest
from celery import chain, chord, group

from celery_ops.tracking.workflows.members import membership
from tests.shop import tasks

from .conftest import seen, shape

pytestmark = pytest.mark.usefixtures("worker")


def pay(order):
    return tasks.process_payment.si(order.pk)


def test_a_chain_is_known_whole_when_its_last_step_has_run(order):
    result = chain(pay(order), tasks.noop.si(order.pk), tasks.untracked.si()).delay()
    workflow = seen(result.id, done=3, total=3)
    assert shape(workflow) == [("noop", "untracked"), ("process_payment", "noop")]


def test_a_chord_is_known_whole(order):
    result = chord([pay(order) for _ in range(20)], tasks.noop.si(order.pk)).delay()
    workflow = seen(result.id, done=21, total=21)
    assert shape(workflow) == [("process_payment", "noop")] * 20


def test_a_group_that_nobodys_task_published_is_one(order):
    result = group(pay(order), pay(order), tasks.noop.si(order.pk)).delay()
    for member in result.results:
        workflow = seen(member.id, done=3, total=3)
        assert workflow.key == result.id
        assert workflow.edges == ()


def test_a_task_that_publishes_others_is_part_of_it(order):
    result = tasks.parent.delay(order.pk)
    workflow = seen(result.id, done=2, total=2)
    assert shape(workflow) == [("parent", "child")]


def test_a_group_in_a_chain_is_a_chord(order):
    steps = pay(order) | group(tasks.noop.si(order.pk), tasks.noop.si(order.pk)) | tasks.untracked.si()
    workflow = seen(steps.delay().id, done=4, total=4)
    assert shape(workflow) == [("noop", "untracked")] * 2 + [("process_payment", "noop")] * 2


def test_chords_after_each_other(order):

    def two():
        return group(pay(order), pay(order))

    steps = chain(two(), tasks.noop.si(order.pk), two(), tasks.untracked.si())
    workflow = seen(steps.delay().id, done=6, total=6)
    assert shape(workflow) == sorted(
        [("process_payment", "noop")] * 2 + [("noop", "process_payment")] * 2 + [("process_payment", "untracked")] * 2
    )


def test_chains_in_a_group(order):
    steps = group(chain(pay(order), tasks.noop.si(order.pk)), chain(pay(order), tasks.noop.si(order.pk)))
    result = steps.delay()
    workflow = seen(result.results[1].id, done=4, total=4)
    assert workflow.key == result.id
    assert shape(workflow) == [("process_payment", "noop")] * 2


def test_a_chord_in_a_chord(order):
    inner = chord([pay(order), pay(order)], tasks.noop.si(order.pk))
    result = chord([inner, tasks.returns.si(order.pk, 1)], tasks.untracked.si()).delay()
    workflow = seen(result.id, done=5, total=5)
    assert shape(workflow) == [
        ("noop", "untracked"),
        ("process_payment", "noop"),
        ("process_payment", "noop"),
        ("returns", "untracked"),
    ]


def test_a_chord_whose_body_is_a_group(order):
    result = chord([pay(order), pay(order)], group(tasks.noop.si(order.pk), tasks.noop.si(order.pk))).delay()
    workflow = seen(result.results[0].id, done=4, total=4)
    assert shape(workflow) == [("process_payment", "noop")] * 4
    assert membership(result.id).key == membership(result.parent.id).key == workflow.key


@pytest.mark.parametrize("around", [lambda *header: chord(header, tasks.untracked.si()), group])
def test_a_chord_whose_body_is_a_group_within_a_chord_or_a_group(order, around):
    """Celery tells the body's members alone which group they are in then."""
    inner = chord([pay(order)], group(tasks.noop.si(order.pk), tasks.noop.si(order.pk)))
    result = around(inner, tasks.returns.si(order.pk, 1)).delay()
    has_body = around is not group
    workflow = seen(result.id, done=4 + has_body, total=4 + has_body)
    after = [("noop", "untracked")] * 2 * has_body
    assert shape(workflow) == after + [("process_payment", "noop")] * 2 + [("returns", "untracked")] * has_body


def test_the_id_that_a_chain_which_ends_with_a_group_gives_back_finds_it(order):
    result = chain(pay(order), group(tasks.noop.si(order.pk), tasks.untracked.si())).delay()
    workflow = seen(result.id, done=3, total=3)
    assert shape(workflow) == [("process_payment", "noop"), ("process_payment", "untracked")]


def test_a_group_at_the_end_of_what_follows_a_group_comes_last(order):
    """Celery publishes both under one id."""
    steps = chain(group(pay(order), pay(order)), tasks.noop.si(order.pk), group(tasks.untracked.si(), pay(order)))
    workflow = seen(steps.delay().id, done=5, total=5)
    assert shape(workflow) == [
        ("noop", "process_payment"),
        ("noop", "untracked"),
        ("process_payment", "noop"),
        ("process_payment", "noop"),
    ]


def test_the_id_of_a_group_that_a_task_publishes_finds_it(order):
    result = tasks.publishes_a_group.delay(order.pk)
    workflow = seen(result.get(10), done=3, total=3)
    assert shape(workflow) == [("publishes_a_group", "noop")] * 2


def test_what_a_task_calls_back(order):
    result = tasks.process_payment.apply_async((order.pk,), link=tasks.noop.si(order.pk))
    workflow = seen(result.id, done=2, total=2)
    assert shape(workflow) == [("process_payment", "noop")]


def test_what_takes_a_tasks_place_comes_before_it_and_after_what_came_before(order):
    """A chain is in the place of one of a group, which is in the place of a step: none of it stands in a circle."""
    result = chain(pay(order), tasks.replaces_by_group.si(order.pk), tasks.untracked.si()).delay()
    workflow = seen(result.id, done=6, total=6)
    assert shape(workflow) == [
        ("accumulate", "untracked"),
        ("child", "accumulate"),
        ("noop", "accumulate"),
        ("noop", "child"),
        ("process_payment", "noop"),
        ("process_payment", "noop"),
    ]


def test_what_takes_the_place_of_a_task_that_another_one_published_comes_after_that(order):
    workflow = seen(tasks.publishes_a_replaced.delay(order.pk).id, done=3, total=3)
    assert shape(workflow) == [("noop", "child"), ("publishes_a_replaced", "noop")]


def test_a_task_alone_is_no_workflow(order):
    result = tasks.process_payment.delay(order.pk)
    result.get(10)
    assert membership(result.id) is None
