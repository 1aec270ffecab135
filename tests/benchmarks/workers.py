"""What it costs to ask three workers five things."""

import signal
import statistics
import time
from collections.abc import Iterator
from unittest import mock

from redis.connection import AbstractConnection

from celery_ops.backends.control import ControlWorkerBackend
from celery_ops.backends.remote import gather, snapshot
from celery_ops.backends.remote.known import known_workers
from tests.backends.starting import end, start
from tests.celery import app

from .setup import Figure, client, default_store

ROUNDS = 50


def gathers() -> Iterator[Figure]:
    default_store()
    workers = start("w1@bench", "w2@bench", "w3@bench", url=app.conf.broker_url)
    try:
        yield from _figures(workers)
    finally:
        for worker in workers:
            end(worker)


def _figures(workers) -> Iterator[Figure]:
    known_workers().forget()
    snapshot.forget()
    yield Figure("five questions to three workers, a new process, ms", f"{_timed(_ask):.0f}", "<= 1100")
    took = sorted(_timed(_ask) for _ in range(ROUNDS))
    figures = f"{took[ROUNDS // 10]:.0f} / {statistics.median(took):.0f} / {took[-ROUNDS // 10]:.0f}"
    yield Figure("… known workers, ms: 10 % / median / 90 %", figures, "12 to 20")
    yield Figure("… round trips to Redis", str(_round_trips(_ask)), "")
    yield Figure("… commands in Redis, the workers' own among them", str(_commands(_ask)), "")
    inspect = app.control.inspect(timeout=1)
    theirs = _timed(lambda: [getattr(inspect, method)() for method in snapshot.QUESTIONS])
    yield Figure("… as five calls of Celery's inspect, ms", f"{theirs:.0f}", "")
    backend = ControlWorkerBackend()
    took = [_timed(lambda: backend.worker("w1@bench")) for _ in range(ROUNDS)]
    yield Figure("seven questions to one worker, ms", f"{statistics.median(took):.0f}", "<= 20")
    workers[0].signal_all(signal.SIGSTOP)
    once, again = _timed(_ask), statistics.median(_timed(_ask) for _ in range(10))
    yield Figure("one of three is stopped, first / later rounds, ms", f"{once:.0f} / {again:.0f}", "<= 1100 / 20")


def _ask() -> None:
    gather.ask(snapshot.QUESTIONS)


def _timed(call) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    call()
    return (time.perf_counter() - begin) * 1000


def _round_trips(call) -> int:
    send = AbstractConnection.send_packed_command
    with mock.patch.object(AbstractConnection, "send_packed_command", autospec=True, side_effect=send) as spy:
        call()
    return spy.call_count


def _commands(call) -> int:
    redis = client()
    before = redis.info("stats")["total_commands_processed"]
    call()
    return redis.info("stats")["total_commands_processed"] - before - 1
