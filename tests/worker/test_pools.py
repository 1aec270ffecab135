"""Pools other than prefork, result backends other than Redis's."""

import uuid

import pytest

from celery_ops import tasks_for
from celery_ops.task_detail import task_detail
from celery_ops.task_detail.own_states import with_own_states
from tests.conftest import visiting
from tests.servers import Site, Worker, wait_for
from tests.shop import tasks

from .conftest import reached


@pytest.fixture
def work(redis_server, settings):
    """Start a worker with a pool and a result backend, and visit it."""
    workers = []

    def start(pool, results):
        site = Site(f"{redis_server.url}/8", store=f"{redis_server.url}/1", results=results)
        workers.append(Worker(f"{pool}-{uuid.uuid4().hex[:6]}@test", site.environment, "-P", pool, "-c", "2"))
        return visiting(site, settings)

    yield start
    for worker in workers:
        worker.stop()


@pytest.mark.parametrize(("pool", "results"), [("solo", "cache+memory://"), ("threads", "disabled://")])
def test_another_pool_tells_the_same_of_its_tasks(pool, results, work, order):
    with work(pool, results):
        tasks.long.delay(order.pk, steps=3, pause=0.01)
        tasks.retries.delay(order.pk, times=2)
        tasks.fails.delay(order.pk)
        tasks.replaces.delay(order.pk)
        reached(order, "SUCCESS", "long")
        reached(order, "SUCCESS", "retries")
        reached(order, "FAILURE", "fails")
        reached(order, "SUCCESS", "child")
        told = {task.name.rpartition(".")[2]: (task.state, task.attempts, task.error) for task in tasks_for(order)}
    assert told == {
        "long": ("SUCCESS", 1, None),
        "retries": ("SUCCESS", 3, None),
        "fails": ("FAILURE", 1, "ValueError: the card was refused"),
        "child": ("SUCCESS", 1, None),
    }


@pytest.mark.parametrize("pool", ["solo", "threads"])
@pytest.mark.parametrize("cause", ["SystemExit", "CancelledError"])
def test_a_task_that_raises_what_is_no_exception_fails_and_says_why(pool, cause, work, order):
    with work(pool, "disabled://"):
        tasks.ends_its_thread.delay(order.pk, cause)
        task = reached(order, "FAILURE", "ends_its_thread")
    assert (task.error, task.attempts) == (f"{cause}: no more orders", 1)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_keeps_its_results_in_the_database_tells_of_success_and_of_a_state_of_a_tasks_own(
    make_worker, redis_store, order, pace
):
    make_worker()
    tasks.process_payment.delay(order.pk)
    reached(order, "SUCCESS")
    result = tasks.uploads.delay(order.pk, pace.file)
    wait_for(lambda: with_own_states(tasks_for(order, limit=1))[0].state == "UPLOADING", "the task's own state")
    assert task_detail(result.id).task.state == "UPLOADING"
    pace.to(1)
    reached(order, "SUCCESS", "uploads")
