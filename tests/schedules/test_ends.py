"""How an occurrence ended of which no result was stored, though tracking knows it."""

import time

import pytest

from celery_ops import tasks_for
from celery_ops.schedules import board
from celery_ops.schedules.board import Sending
from celery_ops.schedules.report import completed, report
from tests.shop import tasks
from tests.shop.models import Order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("task", "state"), [(tasks.fails, "FAILURE"), (tasks.noop, "SUCCESS")])
def test_one_without_a_result_ends_as_tracking_knows(task, state, redis_store, eager, keep_entries):
    keep_entries({"often": {"task": task.name, "every": 60, "args": [1]}})
    now = int(time.time() * 1000)
    task.delay(1)
    (tracked,) = tasks_for(Order(pk=1))
    board.add({}, {"often": {1: Sending(now, now, tracked.id)}}, 0, time.time())
    shown = {one.entry.name: one for one in completed(report(asks_around=False).schedules)}["often"]
    assert [(one.task_id, one.state) for one in shown.occurrences if one.task_id] == [(tracked.id, state)]
