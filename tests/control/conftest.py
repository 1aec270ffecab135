"""Two real workers on each broker for all the tests of a process; a third one comes late in one test."""

import contextlib
import threading
import time
import uuid
from dataclasses import dataclass

import pytest
import redis
from django.db import connection

from celery_ops.backends.broker import backend as broker_backend
from celery_ops.backends.memory import MemoryQueueBackend, MemoryWorkerBackend
from celery_ops.backends.remote import gather, snapshot
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.info import QueueDetail, QueueInfo, WorkerDetail, WorkerInfo
from tests.backends.starting import end
from tests.conftest import broker, make_user, store_settings
from tests.servers import Site, Worker, wait_for

ALL = ["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)]


@dataclass
class Fleet:
    """One broker and its workers: ``one`` may restart its pool, ``two`` scales by itself."""

    site: Site
    one: Worker
    two: Worker

    @property
    def names(self):
        return [self.one.hostname, self.two.hostname]


def start(site, *options):
    environment = {**site.environment, "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"])}
    return Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, *options, app="tests.control.restarting")


@pytest.fixture(scope="session", params=ALL)
def fleet(request, redis_server, django_db_setup):
    url = f"{redis_server.url}/13" if request.param == "redis" else request.getfixturevalue("rabbitmq_url")
    site = Site(url, store=f"{redis_server.url}/1", results=f"{redis_server.url}/12")
    made = {}

    def make(name, *options):
        made[name] = start(site, *options)

    options = {"one": ("-c", "1", "-Q", "kept,other"), "two": ("--autoscale", "2,1", "-Q", "other")}
    threads = [threading.Thread(target=make, args=(name, *given)) for name, given in options.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield Fleet(site, **made)
    for worker in made.values():
        end(worker)


@pytest.fixture
def site(fleet, settings):
    settings.CELERY_OPS = {**store_settings(fleet.site.store, fleet.site.prefix), "CONTROL_TIMEOUT": 5}
    with broker(fleet.site.broker):
        forget()
        known_workers().note((), (), {name: {} for name in fleet.names}, looked_around=True)
        yield fleet.site
    forget()


def forget():
    known_workers().forget()
    snapshot.forget()
    broker_backend.forget()


@pytest.fixture
def operator(db):
    names = ("view_ops", "control_workers", "manage_queues")
    return make_user("operator", *(f"celery_ops.{name}" for name in names))


def said(hostname, method, **arguments):
    """Return what a worker answers to an inspection, once it does: one that restarts its pool is busy meanwhile."""
    replies = wait_for(lambda: gather.ask({method: arguments}, [hostname]).to(method), f"{hostname} to say {method}")
    return replies[hostname]


def consumed(hostname):
    return [queue["name"] for queue in said(hostname, "active_queues")]


def eventually(condition, what):
    """Wait for what a worker does a moment after it answered."""
    return wait_for(condition, what)


# -- without workers: somebody listens ---------------------------------------------------------------------------------

W1, W2, GONE = "w1@test", "w2@test", "gone@test"
MEMORY = "celery_ops.backends.memory.Memory{}Backend"


class Spy:
    """Listens to whatever is published in one Redis."""

    def __init__(self, port):
        self.client = redis.Redis(port=port, protocol=2)
        self.pubsub = self.client.pubsub()
        self.pubsub.psubscribe("*.celery.pidbox")
        self.heard()

    def heard(self):
        """Return what came so far; what was published before this call has come."""
        mark = f"mark.celery.pidbox{uuid.uuid4().hex}.celery.pidbox"
        self.client.publish(mark, b"")
        found, until = [], time.monotonic() + 20
        while time.monotonic() < until:
            message = self.pubsub.get_message(timeout=1)
            if message and message["channel"] == mark.encode():
                return found
            if message and message["type"] == "pmessage":
                found.append(message["data"])
        pytest.fail("the mark did not come")
        return found


@pytest.fixture
def spy(redis_server, settings):
    """Two workers and two queues that are known and not there, on a broker to listen to."""
    settings.CELERY_OPS = {
        "STORE": "celery_ops.tracking.memory.MemoryStore",
        "WORKER_BACKEND": MEMORY.format("Worker"),
        "QUEUE_BACKEND": MEMORY.format("Queue"),
        "CONTROL_TIMEOUT": 0.05,
    }
    known = [WorkerDetail(WorkerInfo(name, concurrency=2)) for name in (W1, W2, GONE)]
    details = [QueueDetail(QueueInfo(name)) for name in ("mail", "other")]
    with contextlib.ExitStack() as stack:
        stack.enter_context(broker(f"{redis_server.url}/14"))
        stack.enter_context(MemoryWorkerBackend.holding(*known))
        stack.enter_context(MemoryQueueBackend.holding(*details))
        forget()
        found = Spy(redis_server.port)
        yield found
        found.pubsub.close()
        found.client.close()
        forget()
