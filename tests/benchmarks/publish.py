"""What tracking costs a ``delay()``: with the store well, hung, and away."""

import statistics
import time
from collections.abc import Iterator

from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.shop import tasks

from .setup import Figure, client, default_store, new_server, use_store

ROUNDS = 7
CALLS = 300


def timed(call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def ratio() -> Iterator[Figure]:
    default_store()
    for number in range(100):
        tasks.noop.delay(number), tasks.untracked_noop.delay(number)
    ratios = []
    for _ in range(ROUNDS):
        plain, tracked = [], []
        for number in range(CALLS):  # in turn, so that a drift of the machine meets both
            plain.append(timed(lambda: tasks.untracked_noop.delay(number)))  # noqa: B023 - called at once
            tracked.append(timed(lambda: tasks.noop.delay(number)))  # noqa: B023 - called at once
        ratios.append(statistics.median(tracked) / statistics.median(plain))
    client(0).flushdb()
    client(1).flushdb()
    shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    yield Figure("delay() tracked / untracked, median", shown, "<= 1.40")


def hung() -> Iterator[Figure]:
    server = new_server()
    use_store(server.url)
    tasks.noop.delay(1)
    plain = statistics.median(timed(lambda: tasks.untracked_noop.delay(1)) for _ in range(200))
    server.freeze()
    try:
        first = timed(lambda: tasks.noop.delay(1))
        others = [timed(lambda: tasks.noop.delay(1)) for _ in range(200)]
    finally:
        server.thaw()
    yield Figure("delay() with the store hung, first", f"{first:.3f} s", "<= 0.12 s")
    yield Figure("delay() with the store hung, others / untracked", f"{statistics.median(others) / plain:.2f}", "")
    default_store()


def outage() -> Iterator[Figure]:
    server = new_server()
    use_store(server.url)
    tasks.noop.delay(1)
    server.freeze()
    begin, stalled = time.monotonic(), 0.0
    for number in range(500):
        stalled += timed(lambda: tasks.noop.delay(number + 2))  # noqa: B023 - called at once
        time.sleep(max(0.0, begin + (number + 1) / 100 - time.monotonic()))
    server.thaw()
    recorder().try_again()
    stored = sum(map(len, read_tasks([ObjectRef("shop.order", str(number + 2)) for number in range(500)])))
    yield Figure("events lost in 5 s of outage at 100/s", str(500 - stored), "0")
    yield Figure("time in delay() over those 5 s, beyond the first stall", f"{stalled - 0.1:.2f} s of 500 calls", "")
    default_store()
