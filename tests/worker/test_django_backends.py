"""Tasks of Django's own framework on the backends that PyPI has for Celery, where these are installed."""

import sys
from datetime import timedelta
from importlib.util import find_spec

import celery
import pytest
from celery import current_app
from django.utils import timezone

from celery_ops import tasks_for
from celery_ops.task_detail import task_detail
from celery_ops.tracking.accounts import read_payload
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.registry import registry
from tests.servers import Worker
from tests.shop.models import Warehouse

from .conftest import numbers, reached

if not (find_spec("django.tasks") or find_spec("django_tasks")):
    pytest.skip("Django 5.2 has tasks of its own with django-tasks alone", allow_module_level=True)
if not (find_spec("django_tasks_fennel") or find_spec("django_tasks_celery")):
    pytest.skip("neither django-tasks-fennel nor django-tasks-celery is installed", allow_module_level=True)
if sys.version_info >= (3, 14) and celery.__version__.startswith("5.6."):
    pytest.skip("Celery 5.6 on Python 3.14 refuses calls of functions that are wrapped", allow_module_level=True)

TASKS = [name for name in ("fennel", "celery") if find_spec(f"django_tasks_{name}")]
if not find_spec("django.tasks"):
    TASKS = ["fennel"]
QUEUE, ELSEWHERE = "for-django", "no-worker-listens-to-django-here"
pytestmark = [
    pytest.mark.parametrize("shared", ["redis"], indirect=True),
    pytest.mark.parametrize("task", TASKS, indirect=True),
    pytest.mark.django_db,
]


@pytest.fixture(scope="module")
def backend_tasks():
    """Known to this process while these tests run: no other test's site has them."""
    from tests.shop.backend_tasks import TASKS

    yield TASKS
    for name in [name for name in registry.names() if "backend_tasks" in name]:
        current_app.tasks.pop(name, None)
        registry._tracked.pop(name, None)
    registry._source = None  # it looks through its tasks anew


@pytest.fixture
def task(request, backend_tasks):
    return backend_tasks[request.param]


@pytest.fixture
def store():
    """A warehouse of this test's own."""
    return Warehouse(pk=next(numbers))


@pytest.fixture(scope="module")
def django_worker(shared):
    """It imports these tasks: the other workers do not."""
    worker = Worker("django@test", shared[0].environment, "-c", "1", "-Q", QUEUE, "-I", "tests.shop.backend_tasks")
    yield worker
    worker.stop()


@pytest.mark.usefixtures("site", "django_worker")
def test_what_is_enqueued_is_followed_with_one_id(store, task):
    result = task.using(queue_name=QUEUE).enqueue(store.pk)
    done = reached(store, "SUCCESS")
    assert (done.id, done.label, done.executions) == (result.id, f"Count by {task.backend}", 1)


@pytest.mark.usefixtures("site")
def test_parameters_have_their_names_and_their_secrets(store, task):
    task.using(queue_name=ELSEWHERE, run_after=timezone.now() + timedelta(days=1)).enqueue(
        warehouse_id=store.pk, code="hunter2"
    )
    (waiting,) = tasks_for(store)
    assert registry.signature(waiting.name).positional == ("warehouse_id", "code")
    arguments = read_payload(ObjectRef.of(store), waiting.id).args
    assert (str(store.pk) in arguments, "hunter2" in arguments) == (True, False)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("priority", [-100, -33, 0, 10, 99, 100])
def test_its_page_says_priority_and_run_after_as_django_has_them(store, task, priority):
    later = timezone.now() + timedelta(days=1)
    result = task.using(queue_name=ELSEWHERE, priority=priority, run_after=later).enqueue(store.pk)
    (waiting,) = tasks_for(store)
    behind = task_detail(result.id, ask_workers=False).django
    assert (behind.path, behind.result_id, behind.alias) == (task.module_path, result.id, task.backend)
    assert (behind.priority, waiting.state) == (priority, "PENDING")
    assert abs(behind.run_after - later) < timedelta(seconds=0.002)
