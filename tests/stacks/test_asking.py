"""Where a task of a real worker is, asked of each pool."""

import pytest

from celery_ops.exceptions import NotRunning
from celery_ops.stacks.asking import stack_of
from tests.servers import wait_for
from tests.shop import tasks
from tests.worker.conftest import reached

#: Pools that answer while they run a task.
ANSWERING = ("prefork", "threads", "gevent")


def running(order, pace):
    """Start a task that runs until its pace is let go, and return its id."""
    result = tasks.paced.delay(order.pk, pace.file, steps=1)
    reached(order, "STARTED")
    return result.id


def functions(stack):
    return [frame.function for frame in stack.frames]


@pytest.mark.parametrize("pool", ANSWERING)
def test_a_running_task_is_where_it_is_and_not_when_it_is_over(pool, working, order, pace):
    with working(pool) as worker:
        task_id = running(order, pace)
        stack = wait_for(lambda: stack_of(task_id), "the worker to know that it runs")
        assert (stack.hostname, stack.name) == (worker.hostname, "tests.shop.tasks.paced")
        own = [frame for frame in stack.frames if frame.is_own]
        assert [(frame.file, frame.function) for frame in own] == [("tests/shop/tasks.py", "paced")]
        assert own[0].code.startswith(("while os.path.getsize", "set_progress(", "time.sleep("))
        pace.to(1)
        reached(order, "SUCCESS")
        with pytest.raises(NotRunning):
            stack_of(task_id)
