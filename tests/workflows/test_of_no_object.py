"""Steps that belong to no object, since what they are given is another step's result: their workflow knows them."""

import pytest
import redis
from celery import chain, group
from django.urls import reverse

from celery_ops import tasks_for
from celery_ops.tracking import index, newest
from celery_ops.tracking.accounts import read_account
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.workflows import place
from celery_ops.tracking.workflows.members import membership
from tests.conftest import browser_of
from tests.pages import words
from tests.servers import PATIENCE
from tests.shop import tasks

from .conftest import seen, shape

pytestmark = pytest.mark.usefixtures("worker")


def test_a_step_that_takes_a_result_for_its_key_is_followed_and_belongs_to_nobody(order, other):
    result = chain(tasks.returns.s(order.pk, other.pk), tasks.returns.s(3)).delay()
    workflow = seen(result.id, done=2, total=2)
    assert workflow.progress.is_over
    assert shape(workflow) == [("returns", "returns")]
    assert [task.id for task in tasks_for(order)] == [result.parent.id]
    assert tasks_for(other) == []


def test_so_is_all_that_comes_after_it(order):
    result = chain(
        tasks.returns.s(order.pk, 1),
        tasks.returns.s(2),
        group(tasks.untracked.s(), tasks.returns.s(3)),
        tasks.untracked.si(),
    ).delay()
    seen(result.id, done=5, total=5)
    assert [task.name for task in tasks_for(order)] == [tasks.returns.name]


def test_it_is_one_task_however_often_it_is_tried(order):
    result = chain(tasks.returns.s(order.pk, 1), tasks.retries.s(2)).delay()
    seen(result.id, done=2, total=2)


def test_one_that_fails_is_kept_to_be_run_again(order):
    result = chain(tasks.returns.s(order.pk, 1), tasks.fails.s("no such account")).delay()
    workflow = seen(result.id, done=1, failed=1, total=2)
    assert workflow.progress.is_over
    account = read_account(result.id)
    assert account.workflow == workflow.key
    assert account.kept.arguments
    assert account.kept.refs == ()


def test_its_page_leads_to_the_workflow_and_lists_of_the_newest_tasks_are_not_full_of_it(order):
    result = chain(tasks.returns.s(order.pk, 1), tasks.returns.s(3)).delay()
    workflow = seen(result.id, done=2)
    assert index.search(result.id).workflow == workflow.key
    assert result.id not in newest.newest_tasks(1000)


@pytest.mark.django_db
def test_it_has_a_page_without_a_result_too(order, staff):
    result = chain(tasks.returns.s(order.pk, 1), tasks.returns.s(3)).delay()
    workflow = seen(result.id, done=2)
    html = browser_of(staff).get(reverse("celery_ops:task-detail", args=[result.id])).content.decode()
    assert tasks.returns.name in html
    assert "Success" in words(html)
    assert reverse("celery_ops:workflow", args=[workflow.key]) in html
    assert "~flow" not in html


def test_a_workflow_without_a_task_of_any_object_is_not_kept():
    result = chain(tasks.untracked.s(1), tasks.returns.s(3), tasks.untracked.s()).delay()
    assert result.get(PATIENCE) == 3
    recorder().flush()
    assert membership(result.id) is None
    assert recorder().store.read([place(result.parent.parent.id)]) == [{}]


def test_what_is_kept_of_them_has_a_time_to_live(order, site):
    result = chain(tasks.returns.s(order.pk, 1), tasks.returns.s(3), tasks.untracked.s()).delay()
    seen(result.id, done=3)
    client = redis.Redis.from_url(site.store)
    assert [key for key in client.scan_iter(f"{site.prefix}*") if client.ttl(key) < 0] == []
