"""What the queues page's data costs: four queues with messages, one worker that consumes them."""

import os
import statistics
import time
from collections.abc import Iterator
from unittest import mock

from redis.connection import AbstractConnection

from celery_ops.backends.broker import backend
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.remote import snapshot
from tests.servers import Worker, wait_for

from . import setup
from .setup import Figure, client

QUEUES = ("mail", "print", "reports", "slow")
ROUNDS = 30


def page() -> Iterator[Figure]:
    from tests.celery import app
    from tests.shop.tasks import untracked_noop

    client(0).flushdb()
    for name in QUEUES:
        for number in range(25):
            untracked_noop.apply_async((number,), queue=name, countdown=3600 if name == "slow" else None)
    backend.forget()
    yield Figure(
        "queues page, 4 queues, round trips, first of a process", str(trips(BrokerQueueBackend().queues)), "<= 3"
    )
    yield Figure("queues page, 4 queues, round trips", str(trips(anew)), "<= 3")
    yield Figure("queue page with 20 messages, round trips", str(trips(lambda: anew("mail"))), "<= 3")
    yield Figure("queues page, 4 queues, the broker's part", milliseconds(anew), "<= 60 ms")
    yield Figure("queue page with 20 messages, the broker's part", milliseconds(lambda: anew("mail")), "<= 60 ms")
    worker = Worker("queues@bench", dict(os.environ), "-c", "1", "-Q", "slow")
    try:
        wait_for(lambda: snapshot.expire() or snapshot.snapshot().answers.replies, "the worker to answer")
        yield Figure("queues page, 4 queues, with the question to a worker", milliseconds(asking), "<= 60 ms")
        yield Figure("queues page within a second of another one", milliseconds(BrokerQueueBackend().queues), "")
    finally:
        worker.stop()
        backend.forget()
        snapshot.forget()
        app.pool.force_close_all()
        client(0).flushdb()


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


def milliseconds(call) -> str:
    taken = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - begin))
    return f"{statistics.median(taken):.1f} ({min(taken):.1f}-{max(taken):.1f})"


if __name__ == "__main__":
    setup.django_with_redis()
    try:
        for figure in page():
            print(f"{figure.what:<58} {figure.measured:>20} {figure.reach:>12}", flush=True)
    finally:
        setup.stop()
