"""The backends in memory, for users' own tests: they pass the suites, and their contents come and go."""

import pytest

from celery_ops.backends.memory import MemoryQueueBackend, MemoryTaskBackend, MemoryWorkerBackend
from celery_ops.conf import conf
from celery_ops.info import TaskInfo
from celery_ops.task_query import TaskQuery
from celery_ops.testing import QueueBackendContract, TaskBackendContract, WorkerBackendContract

ONE, OTHER = TaskInfo("one"), TaskInfo("other")


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    for backend in (MemoryTaskBackend, MemoryWorkerBackend, MemoryQueueBackend):
        backend.hold()


def listed(backend=MemoryTaskBackend):
    return [task.id for task in backend().page(TaskQuery()).tasks]


class TestTasksInMemory(TaskBackendContract):
    def make_backend(self, tasks):
        MemoryTaskBackend.hold(*tasks)
        return MemoryTaskBackend()


class TestWorkersInMemory(WorkerBackendContract):
    def make_backend(self, workers):
        MemoryWorkerBackend.hold(*workers)
        return MemoryWorkerBackend()


class TestQueuesInMemory(QueueBackendContract):
    def make_backend(self, queues):
        MemoryQueueBackend.hold(*queues)
        return MemoryQueueBackend()


def test_what_is_held_is_listed():
    MemoryTaskBackend.hold(ONE)
    assert listed() == ["one"]


def test_what_is_held_later_takes_its_place():
    MemoryTaskBackend.hold(ONE)
    MemoryTaskBackend.hold(OTHER)
    assert listed() == ["other"]


def test_a_block_holds_its_own():
    with MemoryTaskBackend.holding(ONE, OTHER):
        assert listed() == ["one", "other"]


def test_what_was_held_before_a_block_is_held_after_it():
    MemoryTaskBackend.hold(ONE)
    with pytest.raises(ZeroDivisionError), MemoryTaskBackend.holding(OTHER):
        raise ZeroDivisionError
    assert listed() == ["one"]


def test_a_subclass_has_contents_of_its_own():
    class Mine(MemoryTaskBackend):
        pass

    Mine.hold(OTHER)
    MemoryTaskBackend.hold(ONE)
    assert (listed(), listed(Mine)) == (["one"], ["other"])


def test_a_dotted_path_in_the_settings_reaches_it(settings):
    settings.CELERY_OPS = {"TASK_BACKEND": "celery_ops.backends.memory.MemoryTaskBackend"}
    with MemoryTaskBackend.holding(ONE):
        assert listed(conf.load("TASK_BACKEND")) == ["one"]
