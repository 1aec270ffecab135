"""What the queues page's data costs."""

import os
import time
from collections.abc import Iterator
from unittest import mock

from django.test import override_settings
from kombu import Queue
from redis.connection import AbstractConnection

from celery_ops.backends.broker import backend, look
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.remote import snapshot
from tests.backends.brokers import make_app
from tests.celery import app
from tests.conftest import broker as broker_at
from tests.servers import Worker, wait_for
from tests.shop.tasks import untracked_noop

from .figures import Figure, at_most
from .registry import WORKERS, benchmark
from .setup import client
from .timing import in_turn, sized

QUEUES = ("mail", "print", "reports", "slow")
ROUNDS = sized(30, quick=1)


@benchmark("queues", WORKERS)
def page() -> Iterator[Figure]:
    """The data of the queues' pages: four queues with messages, one worker that consumes them."""
    with broker_at(app.conf.broker_url):
        yield from _figures()


def _figures() -> Iterator[Figure]:
    client(0).flushdb()
    for name in QUEUES:
        for number in range(25):
            untracked_noop.apply_async((number,), queue=name, countdown=3600 if name == "slow" else None)
    backend.forget()
    first, later, one = trips(BrokerQueueBackend().queues), trips(anew), trips(lambda: anew("mail"))
    yield Figure.of("4 queues, round trips, first of a process", first, target=at_most(3))
    yield Figure.of("4 queues, round trips", later, target=at_most(3))
    yield Figure.of("one queue with 20 messages, round trips", one, target=at_most(3))
    every, one = in_turn(anew, lambda: anew("mail"), rounds=ROUNDS)
    yield Figure.of("4 queues, the broker's part", every, "ms", target=at_most(60))
    yield Figure.of("one queue with 20 messages, the broker's part", one, "ms", target=at_most(60))
    worker = Worker("queues@bench", dict(os.environ), "-c", "1", "-Q", "slow")
    try:
        wait_for(lambda: snapshot.expire() or snapshot.snapshot().answers.replies, "the worker to answer")
        (asked,) = in_turn(asking, rounds=ROUNDS)
        (again,) = in_turn(BrokerQueueBackend().queues, rounds=ROUNDS)
        yield Figure.of("4 queues, with the question to a worker", asked, "ms", target=at_most(60))
        yield Figure.of("… within a second of another one", again, "ms")
    finally:
        worker.stop()
        backend.forget()
        snapshot.forget()
        client(0).flushdb()


@benchmark("very-many-queues", WORKERS)
def very_many() -> Iterator[Figure]:
    """The work of listing 5,000 queues of the settings, of which the page has 1,000: it has to end before the look."""
    names = [f"q{number:04}" for number in range(5000)]
    with (
        override_settings(CELERY_OPS={"APP": make_app(app.conf.broker_url, *map(Queue, names))}),
        mock.patch.multiple(look, DEADLINE=20.0, BROKER_DEADLINE=20.0),
    ):
        (listed,) = in_turn(anew, rounds=sized(3, quick=1), clock=time.process_time)
    backend.forget()
    yield Figure.of("5,000 queues, the work of a list", listed, "ms", target=at_most(1000 * look.DEADLINE))


def anew(name: str = "") -> None:
    """Ask the broker again; the workers have just been asked."""
    backend._looks.forget()
    if name:
        BrokerQueueBackend().queue(name)
    else:
        BrokerQueueBackend().queues()


def asking() -> None:
    snapshot.expire()
    anew()


def trips(call) -> int:
    """Return how often something is sent to Redis and waited for, apart from the question to the workers."""
    snapshot_of_now = snapshot.snapshot()
    send = AbstractConnection.send_packed_command
    with (
        mock.patch("celery_ops.backends.broker.consumption.snapshot", return_value=snapshot_of_now),
        mock.patch.object(AbstractConnection, "send_packed_command", autospec=True, side_effect=send) as spy,
    ):
        call()
    return spy.call_count
