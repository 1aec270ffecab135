"""A chord whose header a task of Celery's own waits for, `celery.chord_unlock`: results do not join it themselves."""

import pytest
from celery import chain, chord, group

from celery_ops import tasks_for, tracking
from tests.shop import tasks

from .conftest import seen, shape

pytestmark = pytest.mark.usefixtures("unlocking")


def names_of(obj):
    return sorted(task.name.rpartition(".")[2] for task in tasks_for(obj))


def test_what_waits_for_a_header_is_no_task_of_the_object_whose_task_published_it(order):
    result = tasks.publishes_a_chord.delay(order.pk)
    workflow = seen(result.id, done=4, total=4)
    assert shape(workflow) == [
        ("noop", "untracked_noop"),
        ("publishes_a_chord", "noop"),
        ("publishes_a_chord", "untracked"),
        ("untracked", "untracked_noop"),
    ]
    assert names_of(order) == ["noop", "publishes_a_chord", "untracked", "untracked_noop"]


def test_the_same_of_a_chord_that_is_published_for_an_object(order):
    with tracking(order):
        result = chord([tasks.untracked.si(), tasks.untracked.si()], tasks.untracked_noop.si(order.pk)).delay()
    seen(result.id, done=3, total=3)
    assert names_of(order) == ["untracked", "untracked", "untracked_noop"]


def test_a_body_is_followed_that_comes_after_steps_of_no_object(order):
    result = chain(
        tasks.returns.s(order.pk, 1),
        tasks.returns.s(2),
        group(tasks.untracked.s(), tasks.untracked.s()),
        tasks.untracked_noop.s(),
    ).delay()
    seen(result.id, done=5, total=5)
    assert names_of(order) == ["returns"]
