"""What a real worker counts, and what the page that published adds."""

import json
import uuid
from datetime import datetime, timedelta, timezone

import celery
import pytest
from celery.result import AsyncResult

from celery_ops import states
from celery_ops.metrics import insight
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.windows import WINDOWS
from tests.conftest import rabbitmq_vhost, visiting
from tests.servers import Site, Worker, wait_for
from tests.shop import tasks

HOUR = WINDOWS["1h"]
HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": 0.2})
RELEASE = f"v{uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module")
def vhost():
    """One of this module's own: workers of other folders may still take from the queues of the run's."""
    with rabbitmq_vhost() as url:
        yield url


@pytest.fixture(scope="module", params=["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def shared(request, redis_server):
    url = f"{redis_server.url}/47" if request.param == "redis" else request.getfixturevalue("vhost")
    site = Site(url, store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    environment = {**site.environment, "TEST_HURRY": HURRY, "SENTRY_RELEASE": RELEASE}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "2", app="tests.quick_app")
    yield site
    worker.stop()


@pytest.fixture
def site(shared, settings):
    with visiting(shared, settings) as site:
        yield site


def numbers_of(task, **counts):
    """Wait until so many are counted, each child of the pool brings its own, and return the task's numbers."""

    def counted():
        numbers = insight.insight(HOUR, task=task.name)
        return numbers if all(numbers.count(Cell[name]) >= count for name, count in counts.items()) else None

    return wait_for(counted, f"{counts} of {task.name}")


def test_a_task_is_counted_from_its_publish_to_its_end(site):
    for _ in range(5):
        tasks.untracked_noop.delay(1)
    flusher().flush()
    numbers = numbers_of(tasks.untracked_noop, STARTED=5, SUCCESS=5)
    assert numbers.count(Cell.SENT) == numbers.count(Cell.STARTED) == numbers.count(Cell.SUCCESS) == 5
    assert numbers.wait.total == numbers.run.total == 5
    assert 0 <= numbers.wait.percentile(99) < 60
    by_queue = insight.by_queue(HOUR)
    assert by_queue["celery"].count(Cell.SUCCESS) >= 5


def test_a_retry_is_counted_beside_how_it_ends(site):
    tasks.retries.delay(1)
    numbers = numbers_of(tasks.retries, RETRY=2, STARTED=3, SUCCESS=1)
    assert (numbers.count(Cell.RETRY), numbers.count(Cell.STARTED), numbers.count(Cell.SUCCESS)) == (2, 3, 1)


def test_a_wait_begins_when_a_task_is_due(site):
    due = datetime.now(timezone.utc) + timedelta(seconds=2)
    tasks.greet.apply_async(("Ada",), eta=due)
    numbers = numbers_of(tasks.greet, SUCCESS=1)
    assert numbers.wait.percentile(50) < 1.9


@pytest.mark.parametrize("task", [tasks.fails, tasks.dies, tasks.too_long], ids=lambda task: task.__name__)
def test_a_failure_is_counted_once_whoever_tells_of_it(site, task):
    """A child that is killed loses what it has not flushed, so one comes after the other."""
    task.delay(1)
    assert numbers_of(task, FAILURE=1).count(Cell.FAILURE) == 1


@pytest.mark.skipif(celery.VERSION < (5, 7), reason="Celery before 5.7 retries no lost task")
def test_a_lost_task_that_its_worker_tries_again_is_a_retry_and_no_failure(site, pace):
    pace.to(1)
    tasks.recovers.delay(1, pace.file)
    numbers = numbers_of(tasks.recovers, RETRY=1)
    assert (numbers.count(Cell.RETRY), numbers.count(Cell.FAILURE)) == (1, 0)


def test_a_revoked_and_a_rejected_task_are_counted(site):
    later = tasks.by_number.apply_async((1,), countdown=1)
    AsyncResult(later.id).revoke()
    tasks.rejects.delay(1)
    assert numbers_of(tasks.by_number, REVOKED=1).count(Cell.STARTED) == 0
    assert numbers_of(tasks.rejects, REJECTED=1).series[states.FAILURE][-1] == 0


def test_a_worker_that_starts_marks_its_release(site):
    wait_for(lambda: RELEASE in [release.name for release in insight.picture(HOUR).releases], "the release")


@pytest.mark.parametrize("shared", ["redis"], indirect=True)
def test_a_child_that_ends_after_its_tasks_loses_no_number(site, shared):
    worker = Worker(  # with two children that end: a third one would start up to five seconds later
        f"w{uuid.uuid4().hex[:6]}@test",
        shared.environment,
        *("-c", "2", "--max-tasks-per-child", "3", "-Q", "short-lived"),
        app="tests.quick_app",
    )
    try:
        for _ in range(6):
            tasks.child.apply_async(queue="short-lived")
        numbers = numbers_of(tasks.child, STARTED=6, SUCCESS=6)
    finally:
        worker.stop()
    assert (numbers.count(Cell.STARTED), numbers.count(Cell.SUCCESS)) == (6, 6)
