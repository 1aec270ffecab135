"""A failure of a real worker that stores results: the group that is counted has the task that is stored."""

import pytest

from celery_ops.backends.results import ResultsTaskBackend
from celery_ops.failures import reading, results
from celery_ops.failures.members import GroupTaskBackend
from celery_ops.metrics.windows import WINDOWS
from celery_ops.task_query import TaskQuery
from tests.servers import wait_for
from tests.shop import tasks

HOUR = WINDOWS["1h"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("message", ["order 17 of 'Ada' was refused", "password=hunter2 is wrong\nfor 5 of them"])
def test_what_was_counted_is_found_by_its_stored_result(real_worker, message):
    sent = tasks.fails.delay(1, message=message)

    def counted():
        groups = reading.completed(reading.groups(HOUR).groups)
        return next((group for group in groups if group.sample_task_id == sent.id), None)

    group = wait_for(counted, "the group")
    backend = ResultsTaskBackend()
    wait_for(lambda: backend.get(sent.id), "the result")
    found = GroupTaskBackend(backend, group).page(TaskQuery(), size=10)
    assert [task.id for task in found.tasks] == [sent.id]
    by_results = results.stored_groups(ResultsTaskBackend(), HOUR)
    assert [(one.key, one.frame) for one in by_results.groups] == [(group.key, "tests.shop.tasks.fails")]
