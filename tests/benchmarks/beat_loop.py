"""What beat's loop pays for telling what it sends."""

import time
from collections.abc import Iterator
from statistics import median

from celery import beat as celery_beat
from celery.schedules import schedule

from celery_ops.schedules import beat
from tests.celery import app
from tests.shop import tasks

from .figures import Figure, at_most
from .registry import TRACKING, benchmark
from .timing import sized

ROUNDS = sized(15, quick=2)


@benchmark("beat_loop", TRACKING)
def loop() -> Iterator[Figure]:
    """What noting a publish adds to a tick that sends, in turn with and without."""
    app.conf.beat_schedule = {
        f"e{number}": {"task": tasks.untracked_noop.name, "schedule": schedule(0.000001), "args": (number,)}
        for number in range(20)
    }
    service = celery_beat.Service(app, scheduler_cls="celery.beat:Scheduler")
    told = beat.Beat(service)
    took: dict[bool, list[float]] = {False: [], True: []}
    headers = {"id": "x" * 36, "task": tasks.untracked_noop.name}
    for _ in range(ROUNDS):
        begin = time.thread_time()
        for _tick in range(100):
            service.scheduler.tick()
        took[False].append((time.thread_time() - begin) / 100)
        took[True].append(_noting(told, service.scheduler._heap[0][2], headers))
    app.conf.beat_schedule = {}
    yield Figure.of("a tick that sends", [1e6 * one for one in took[False]], "µs")
    part = 100 * median(took[True]) / median(took[False])
    yield Figure.of("… of it to note what was sent", part, "%", target=at_most(1))


def _noting(told: beat.Beat, entry: object, headers: dict[str, str]) -> float:
    """Return seconds of one note, as deep below the loop as a publish is."""

    def tick(entry: object) -> float:
        return send(entry)

    def send(entry: object, depth: int = 6) -> float:
        if depth:
            return send(entry, depth - 1)
        begin = time.thread_time()
        for _ in range(500):
            beat.before_task_publish(headers=headers)
            beat.after_task_publish(headers=headers)
        return (time.thread_time() - begin) / 500

    before, beat._beat = beat._beat, told
    try:
        return tick(entry)
    finally:
        beat._beat = before
