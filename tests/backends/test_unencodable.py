"""A worker that runs or holds a task whose arguments are no JSON: its other answers are heard all the same."""

import uuid

import kombu
import pytest

from celery_ops.backends.broker import backend as queues
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.control import ControlWorkerBackend
from celery_ops.backends.remote import snapshot
from tests.backends.starting import end, start
from tests.celery import app
from tests.conftest import broker
from tests.servers import wait_for

# With 5.5 such a worker hears no question any more until it is started anew, whatever was asked last.
pytestmark = pytest.mark.skipif(kombu.VERSION < (5, 7), reason="a worker before kombu 5.7 may stay deaf after that")


@pytest.fixture(scope="module")
def url(redis_server):
    return f"{redis_server.url}/10"


@pytest.fixture(scope="module")
def hostname(url):
    hostname = f"set-{uuid.uuid4().hex[:6]}@test"
    (worker,) = start(hostname, url=url, options=("-c", "1", "-Q", hostname), C_FORCE_ROOT="1")
    with broker(url):
        for _ in range(2):  # one runs, the other is fetched
            app.send_task("shop.nap", (600, {1, 2}), queue=hostname, serializer="pickle")
        app.send_task("shop.nap", (0,), queue="nobodys")
    yield hostname
    end(worker)


@pytest.fixture
def heard(hostname, url):
    """What the worker says once it has both."""
    with broker(url):
        wait_for(lambda: (info := listed(hostname)) and info.active, "the worker to run the task")
        yield hostname
        queues.forget()


def listed(hostname):
    snapshot.expire()
    return next((info for info in ControlWorkerBackend().workers().workers if info.hostname == hostname), None)


def eventually(read, expected):
    """The worker opens its mailbox anew after each question that it cannot answer, and misses what comes meanwhile."""
    wait_for(lambda: read() == expected, f"{expected}")


def test_what_it_runs_and_consumes_is_known(heard):
    eventually(lambda: summary(listed(heard)), (True, 1, 1, (heard,)))


def summary(info):
    return info and (info.is_online, info.active, info.concurrency, info.queues)


def test_what_it_cannot_say_is_unknown_and_not_nothing(heard):
    eventually(lambda: (info := listed(heard)) and (info.active, info.reserved), (1, None))


def test_its_own_page_has_its_tasks_and_settings(heard):
    def shown():
        detail = ControlWorkerBackend().worker(heard)
        names = {task.name for task in detail.registered}
        return "shop.nap" in names, bool(detail.conf), "1, 2" in str([task.args for task in detail.active])

    eventually(shown, (True, True, True))


def test_its_queue_has_a_consumer(heard):
    def consumers():
        queues.forget()
        return {queue.name: queue.consumers for queue in BrokerQueueBackend().queues().queues}.get(heard)

    eventually(lambda: listed(heard) and consumers(), 1)
