"""What tracking costs a ``delay()``: with the store well, hung, and away."""

import statistics
import time
from collections.abc import Iterator

from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.shop import tasks

from .figures import Figure, at_most, exactly
from .registry import TRACKING, benchmark
from .setup import client, default_store, new_server, use_store
from .timing import sized

ROUNDS = sized(7, quick=1)
CALLS = sized(300, quick=20)


def timed(call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@benchmark("publish", TRACKING)
def ratio() -> Iterator[Figure]:
    """delay() of a tracked task over that of an untracked one."""
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
    yield Figure.of("delay() tracked / untracked, medians of each round", ratios, "x", target=at_most(1.1))


@benchmark("hung", TRACKING)
def hung() -> Iterator[Figure]:
    """delay() while the store takes connections and does not answer."""
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
    yield Figure.of("the first delay()", first * 1000, "ms", target=at_most(2))
    yield Figure.of("the worst of all", max(first, *others) * 1000, "ms", target=at_most(2))
    yield Figure.of("those after the first / untracked", [each / plain for each in others], "x")
    default_store()


@benchmark("outage", TRACKING)
def outage() -> Iterator[Figure]:
    """Five seconds without the store, at 100 publishes a second."""
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
    yield Figure.of("events lost", 500 - stored, target=exactly(0))
    yield Figure.of("time in 500 calls of delay()", stalled, "s")
    default_store()
