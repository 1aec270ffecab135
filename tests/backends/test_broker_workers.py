"""What a real worker does to its queues, asked by the real snapshot."""

import uuid

import pytest
from kombu import Queue

from celery_ops.backends.broker import backend
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.remote import snapshot
from tests.backends.brokers import detail, make_app, publish, queue
from tests.servers import Worker, wait_for

TASK = "tests.shop.tasks.untracked"


@pytest.fixture(scope="module")
def url(redis_server):
    return f"{redis_server.url}/8"


@pytest.fixture(scope="module")
def worker(url, redis_server):
    """It consumes ``mail``, which the settings name, and ``extra``, which they do not."""
    environment = {"TEST_BROKER_URL": url, "TEST_RESULT_BACKEND": f"{redis_server.url}/9"}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "1", "-P", "solo", "-Q", "mail,extra")
    yield worker
    worker.stop()


@pytest.fixture(scope="module")
def asking(url):
    """One app for all: whoever has asked its workers before knows whom to wait for."""
    yield make_app(url, Queue("mail"))
    snapshot.forget()


@pytest.fixture
def app(settings, asking, worker):
    settings.CELERY_OPS = {"APP": asking}
    wait_for(lambda: snapshot.expire() or snapshot.last_words(worker.hostname) or not snapshot.snapshot(), "a reply")
    yield asking
    backend.forget()


def eventually(read, expected):
    """A worker of a loaded machine may miss one question."""
    wait_for(lambda: read() == expected, f"{expected}, and not {read()}")


def test_messages_that_a_worker_holds_are_unacknowledged_and_no_longer_waiting(app):
    publish(app, "mail", task=TASK, times=3, countdown=3600)
    publish(app, "extra", task=TASK, countdown=3600)
    publish(app, "celery", times=2)
    eventually(lambda: numbers("unacked"), {"celery": 0, "extra": 1, "mail": 3})
    assert numbers("depth") == {"celery": 2, "extra": 0, "mail": 0}


def test_a_queue_that_only_a_worker_names_is_listed(app):
    eventually(lambda: queue("extra").sources, ("workers", "broker"))


def test_a_worker_consumes_its_queues_and_no_others(app, worker):
    eventually(lambda: numbers("consumers"), {"celery": 0, "extra": 1, "mail": 1})
    eventually(lambda: (detail("mail").workers, detail("celery").workers), ((worker.hostname,), ()))


def numbers(name: str) -> dict[str, int | None]:
    """Return one number of each queue that is listed: Celery's own are not."""
    backend.forget()
    return {info.name: getattr(info, name) for info in BrokerQueueBackend().queues().queues}
