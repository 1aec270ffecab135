"""What it costs to ask workers."""

import signal
from collections.abc import Iterator
from unittest import mock

from redis.connection import AbstractConnection

from celery_ops.backends.control import ControlWorkerBackend
from celery_ops.backends.remote import gather, snapshot
from celery_ops.backends.remote.known_workers import known_workers
from tests.backends.starting import end, start
from tests.celery import app

from .figures import Figure, at_most
from .registry import WORKERS, benchmark
from .setup import client, default_store
from .timing import in_turn, milliseconds, sized

ROUNDS = sized(50, quick=2)


@benchmark("workers", WORKERS)
def gathers() -> Iterator[Figure]:
    """Three workers asked five things, beside the same five calls of Celery's inspect."""
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
    yield Figure.of("a new process's first round", milliseconds(_ask), "ms", target=at_most(1100))
    (ours,) = in_turn(_ask, rounds=ROUNDS)
    inspect = app.control.inspect(timeout=1)
    theirs = milliseconds(lambda: [getattr(inspect, method)() for method in snapshot.QUESTIONS])
    yield Figure.of("known workers", ours, "ms", peer="inspect", theirs=theirs, target=at_most(20))
    yield Figure.of("… round trips to Redis", _round_trips(_ask))
    yield Figure.of("… commands in Redis, the workers' own among them", _commands(_ask))
    backend = ControlWorkerBackend()
    (one,) = in_turn(lambda: backend.worker("w1@bench"), rounds=ROUNDS)
    yield Figure.of("seven questions to one worker", one, "ms", target=at_most(20))
    workers[0].signal_all(signal.SIGSTOP)
    once, (later,) = milliseconds(_ask), in_turn(_ask, rounds=sized(10, quick=1), warm=0)
    yield Figure.of("one of three is stopped, the first round", once, "ms", target=at_most(1100))
    yield Figure.of("… later rounds", later, "ms", target=at_most(20))


def _ask() -> None:
    gather.ask(snapshot.QUESTIONS)


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
