"""Tasks of Django's own framework are followed through the Celery tasks that run them."""

from importlib.util import find_spec

import pytest

from celery_ops import tasks_for, track
from celery_ops.tracking import counters
from celery_ops.tracking.accounts import read_payload
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.registry import registry
from tests.shop.models import Warehouse

if find_spec("django.tasks") is None:
    pytest.skip("Django before 6.0 has no tasks of its own", allow_module_level=True)

from tests.shop import django_tasks

pytestmark = pytest.mark.usefixtures("eager", "memory_store")

STORE = Warehouse(pk=5)
TASKS = [django_tasks.lock, django_tasks.unlock, django_tasks.count, django_tasks.recount]


@pytest.fixture(params=TASKS, ids=lambda task: f"{task.backend}{' with context' * task.takes_context}")
def task(request):
    return request.param


@pytest.mark.parametrize(("args", "kwargs"), [((5,), {}), ((), {"warehouse_id": 5})], ids=["position", "keyword"])
def test_what_is_enqueued_is_linked_however_it_is_called(args, kwargs, task):
    result = task.enqueue(*args, **kwargs)
    assert [(found.id, found.state) for found in tasks_for(STORE)] == [(result.id, "SUCCESS")]
    assert counters.counts()["unlinked"] == 0


def test_what_names_no_object_is_counted(task):
    task.enqueue(warehouse_id="no number")
    assert counters.counts()["unlinked"] == 1


def test_its_parameters_have_their_names_and_their_secrets(task):
    task.enqueue(5, "hunter2")
    (found,) = tasks_for(STORE)
    assert registry.signature(found.name).positional == ("warehouse_id", "code")
    arguments = read_payload(ObjectRef.of(STORE), found.id).args
    assert ("5" in arguments, "hunter2" in arguments) == (True, False)


def test_it_is_called_by_its_own_name(task):
    task.enqueue(5)
    assert tasks_for(STORE)[0].label == task.name.capitalize()


def test_a_task_above_which_track_stands_is_still_djangos(task):
    assert task.call(*(["context"] if task.takes_context else []), 5) is not None
    assert track(Warehouse, hidden=True)(task) is task


def test_a_function_is_told_where_track_belongs():
    with pytest.raises(TypeError, match="or above Django's @task"):
        track(Warehouse)(lambda warehouse_id: None)
