"""What a real worker stores of its tasks, as lists, filters and counts tell it: the same on every Celery."""

import pytest
from django.urls import reverse
from django_celery_results.models import TaskResult

from celery_ops import tasks_for
from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.task_query import TaskQuery
from tests.celery import app
from tests.conftest import browser_of
from tests.servers import PATIENCE, wait_for
from tests.shop import tasks

pytestmark = [pytest.mark.django_db(transaction=True)]


def listed(**query):
    return {task.id: task for task in ResultsTaskBackend().page(TaskQuery(**query)).tasks}


def tracked(order, task_id):
    return next((task for task in tasks_for(order) if task.id == task_id), None)


def until(order, task_id, state):
    wait_for(lambda: (task := tracked(order, task_id)) and task.state == state, f"{task_id} to be {state}")


def test_lists_say_of_a_workers_tasks_what_happened(real_worker, order, staff):
    waits = tasks.noop.apply_async((order.pk,), countdown=600).id
    rejected, ignored = tasks.rejects.delay(order.pk).id, tasks.ignores.delay(order.pk).id
    late, plain = tasks.noop.apply_async((order.pk,), countdown=1).id, tasks.untracked.apply_async(countdown=1).id
    until(order, rejected, "REJECTED")
    until(order, ignored, "IGNORED")
    until(order, late, "SUCCESS")
    wait_for(
        lambda: TaskResult.objects.filter(task_id=plain, status="SUCCESS").exists(), "the row of an untracked task"
    )
    only = [real_worker.hostname]  # when it has answered, nobody is waited for
    held = app.control.inspect(destination=only, timeout=PATIENCE)
    wait_for(lambda: any(held.scheduled()[real_worker.hostname]), "the worker to hold what waits")
    app.control.revoke(waits, destination=only, reply=True, timeout=PATIENCE)

    page = listed()
    assert (page[rejected].state, page[ignored].state) == ("REJECTED", "IGNORED")
    assert set(listed(states=("REJECTED",))) == {rejected}
    assert set(listed(states=("IGNORED",))) == {ignored}
    assert listed(states=("STARTED", "FAILURE", "REVOKED")) == {}
    assert all(page[task_id].wait.total_seconds() >= 0.9 for task_id in (late, plain))
    counts = {state: count.number for state, count in ResultsTaskBackend().counts(TaskQuery()).states.items()}
    assert [counts[state] for state in ("REJECTED", "IGNORED", "SUCCESS", "REVOKED")] == [1, 1, 2, 0]
    assert tracked(order, waits).state == "PENDING"
    assert (page[waits].state, page[waits].name) == ("PENDING", tasks.noop.name)
    if not TaskResult.objects.filter(
        task_id=waits
    ).exists():  # Celery 5.5 stores nothing before a worker met the message
        assert page[waits].revoke_requested_at is None
    else:
        assert (page[waits].state, page[waits].name, page[waits].finished_at) == ("PENDING", tasks.noop.name, None)
        assert page[waits].revoke_requested_at
        assert set(listed(states=("PENDING",))) == {waits}
        client = browser_of(staff)
        item = client.get(reverse("celery_ops:api-history"), {"q": waits}).json()["results"][0]
        assert (item["state"], item["revoke"]) == ("PENDING", "requested")
        assert 'data-revoke="requested"' in client.get(reverse("celery_ops:task-list")).text
        csv = b"".join(client.get(reverse("celery_ops:task-list"), {"format": "csv"}).streaming_content).decode()
        assert f"{waits},{tasks.noop.name},PENDING," in csv
