"""What tracking costs a ``delay()``: with the store well, hung, and away."""

import gc
import statistics
import time
from collections.abc import Iterator
from math import ceil
from unittest import mock

from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.recording.writer import Writer
from celery_ops.tracking.refs import ObjectRef
from tests.shop import tasks

from .figures import Figure, at_most, exactly
from .registry import TRACKING, benchmark
from .setup import client, default_store, new_server, use_store
from .storage import count_round_trips
from .timing import sized

ROUNDS = sized(11, quick=1)
CALLS = sized(300, quick=20)
BURST = sized(10_000, quick=200)
#: Milliseconds of publishes that a process may lose that is killed.
BOUND = 20


def timed(call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@benchmark("publish", TRACKING)
def ratio() -> Iterator[Figure]:
    """delay() of a tracked task over that of an untracked one."""
    default_store()
    block(tasks.noop), block(tasks.untracked_noop)
    medians, tails, of_blocks, tails_of_blocks = [], [], [], []
    for _ in range(ROUNDS):
        plain, tracked = [], []
        for number in range(CALLS):  # in turn, so that a drift of the machine meets both
            plain.append(timed(lambda: tasks.untracked_noop.delay(number)))  # noqa: B023 - called at once
            tracked.append(timed(lambda: tasks.noop.delay(number)))  # noqa: B023 - called at once
        medians.append(statistics.median(tracked) / statistics.median(plain))
        tails.append(percentile(tracked) / percentile(plain))
        # In blocks, and the rest of the writing between them: what the thread holds up meets none of the others.
        plain, tracked = block(tasks.untracked_noop), block(tasks.noop)
        of_blocks.append(statistics.median(tracked) / statistics.median(plain))
        tails_of_blocks.append(percentile(tracked) / percentile(plain))
    yield Figure.of("delay() tracked / untracked in turn, medians of each round", medians, "x", target=at_most(1.1))
    yield Figure.of("the same, 99th percentiles", tails, "x", target=at_most(1.3))
    yield Figure.of("nothing but tracked ones / untracked ones, medians", of_blocks, "x", target=at_most(1.1))
    yield Figure.of("the same, 99th percentiles", tails_of_blocks, "x", target=at_most(1.3))


def block(task) -> list[float]:
    """Return what each of many calls took."""
    taken = [timed(lambda: task.delay(number)) for number in range(CALLS)]  # noqa: B023 - called at once
    recorder().flush()
    client(0).flushdb()
    return taken


def percentile(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


@benchmark("burst", TRACKING)
def burst() -> Iterator[Figure]:
    """Many publishes of a tracked task, one after the other."""
    default_store()
    block(tasks.noop)
    untracked = 1000 * statistics.median(block(tasks.untracked_noop))
    begin = time.perf_counter()
    trips = count_round_trips(lambda: [tasks.noop.delay(number % 500) for number in range(BURST)])
    spent = time.perf_counter() - begin
    trips += count_round_trips(recorder().flush)
    yield Figure.of(f"store round trips of {BURST:,} publishes", trips, target=at_most(300))
    yield Figure.of("seconds that they took", spent, "s")
    yield Figure.of("… round trips a second", trips / spent)
    yield Figure.of("… publishes a round trip", BURST / trips)
    yield Figure.of(f"one every {BOUND} ms, which is what a killed process may lose", ceil(spent * 1000 / BOUND))
    yield Figure.of("milliseconds a publish of an untracked task", untracked, "ms")


@benchmark("garbage", TRACKING)
def garbage() -> Iterator[Figure]:
    """How often publishes have Python look for garbage: what else the machine does changes nothing."""
    default_store()
    block(tasks.noop)
    with mock.patch.object(Writer, "wake", wakes_nobody):  # written in groups of this size, not by the clock
        for group in (35, 70):
            untracked, tracked = (collections(task, group) for task in (tasks.untracked_noop, tasks.noop))
            yield Figure.of(f"collections of {BURST:,} publishes, {group} a write", tracked)
            yield Figure.of("… of untracked ones", untracked)


def wakes_nobody(_writer: Writer) -> bool:
    """No mock: that would remember each call, and so be garbage to look through itself."""
    return True


def collections(task, group: int) -> int:
    """Return how many collections begin in a burst of this task."""
    begun: list[int] = []

    def note(phase: str, info: dict) -> None:
        if phase == "start":
            begun.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    try:
        for number in range(BURST):
            task.delay(number % 500)
            if number % group == group - 1:
                recorder().flush()
    finally:
        gc.callbacks.remove(note)
    recorder().flush()
    client(0).flushdb()
    return len(begun)


@benchmark("hung", TRACKING)
def hung() -> Iterator[Figure]:
    """delay() while the store takes connections and does not answer."""
    server = new_server()
    use_store(server.url)
    tasks.noop.delay(1)
    untracked = [timed(lambda: tasks.untracked_noop.delay(1)) for _ in range(201)]
    plain = statistics.median(untracked)
    server.freeze()
    try:
        first = timed(lambda: tasks.noop.delay(1))
        others = [timed(lambda: tasks.noop.delay(1)) for _ in range(200)]
    finally:
        server.thaw()
    yield Figure.of("the first delay()", first * 1000, "ms", target=at_most(2))
    yield Figure.of("the worst of 201", max(first, *others) * 1000, "ms", target=at_most(2))
    yield Figure.of("the worst of 201, untracked", max(untracked) * 1000, "ms")
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
