"""Who started a task goes with its message: through a real worker, to children, retries and threads."""

import pytest
from celery import chain, group
from django.contrib.auth.models import User
from django.test import RequestFactory

from celery_ops import tasks_for
from celery_ops.info import StartedBy
from celery_ops.middleware import StartedByMiddleware
from tests.servers import wait_for
from tests.shop import tasks

from .conftest import numbers, reached

pytestmark = pytest.mark.usefixtures("worker")


class Match:
    url_name, namespaces = "order-detail", ()


@pytest.fixture
def ada():
    """An account of this test's own; publishing never asks the database whether it is there."""
    return User(pk=next(numbers), username="ada")


@pytest.fixture
def by(ada):
    return StartedBy(str(ada.pk), "ada", "order-detail")


def answer(user, view):
    """Let a view answer a request of ``user``."""
    request = RequestFactory().get("/")
    request.user, request.resolver_match = user, Match()
    return StartedByMiddleware(lambda request: view())(request)


def ended(user, number):
    """Wait until so many tasks of ``user`` have ended well, and return who started each, by name."""

    def all_of_them():
        done = [task for task in tasks_for(user) if task.state == "SUCCESS"]
        return done if len(done) == number else None

    return {task.name.rpartition(".")[2]: task.started_by for task in wait_for(all_of_them, f"{number} tasks")}


def test_a_task_that_nobody_tracks_is_followed_for_who_started_it(ada, by):
    answer(ada, tasks.untracked.delay)
    assert ended(ada, 1) == {"untracked": by}


def test_children_are_started_by_whom_their_parent_was(ada, by, order):
    answer(ada, lambda: tasks.parent.delay(order.pk))
    assert ended(ada, 2) == {"parent": by, "child": by}
    assert reached(order, "SUCCESS", "child").started_by == by


def test_a_retry_is_still_started_by_the_same(ada, by, order):
    answer(ada, lambda: tasks.retries.delay(order.pk, times=2))
    task = reached(order, "SUCCESS")
    assert (task.attempts, task.started_by) == (3, by)


def test_each_step_of_a_chain_and_each_of_a_group_is(ada, by, order):
    steps = chain(tasks.untracked.si(), group(tasks.noop.si(order.pk), tasks.child.si()))
    answer(ada, steps.delay)
    assert ended(ada, 3) == {"untracked": by, "noop": by, "child": by}


def test_a_failure_keeps_who_started_it(ada, by, order):
    answer(ada, lambda: tasks.fails.delay(order.pk))
    assert reached(order, "FAILURE").started_by == by


def test_what_no_request_publishes_is_started_by_nobody(order):
    tasks.parent.delay(order.pk)
    assert reached(order, "SUCCESS", "child").started_by is None


def test_a_header_that_somebody_made_up_says_nobody_and_hurts_nothing(order):
    tasks.process_payment.apply_async((order.pk,), headers={"celery_ops_started_by": "[" * 10_000})
    assert reached(order, "SUCCESS").started_by is None
