"""What counting costs, and what the store keeps of it."""

import json
import random
import statistics
import time
from collections.abc import Iterator
from types import SimpleNamespace
from unittest import mock

from celery_ops.metrics import executing, switch
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.windows import WINDOWS
from tests.servers import PORT
from tests.shop import tasks

from .drain import TASKS as DRAINED
from .drain import drained
from .figures import Figure, at_most, exactly
from .publish import timed
from .registry import INSIGHT, benchmark
from .setup import client, default_store, use_store
from .timing import sized

ROUNDS = sized(21, quick=1)
CALLS = sized(500, quick=20)
RUNS = sized(5000, quick=200)
URL = f"redis://127.0.0.1:{PORT}/1"


@benchmark("counting", INSIGHT)
def overhead() -> Iterator[Figure]:
    """delay() of an untracked task and a worker's no-ops, counted and with METRICS = False."""
    use_store(URL)
    block()
    differences = []
    for _ in range(ROUNDS):
        counted, uncounted = [], []
        for number in range(CALLS):  # in turn, so that a drift of the machine meets both
            for is_on, taken in ((True, counted), (False, uncounted)):
                with mock.patch.object(switch, "_is_on", is_on):
                    taken.append(timed(lambda: tasks.untracked_noop.delay(number)))  # noqa: B023 - called at once
        flusher().flush()
        client(0).flushdb()
        differences.append((statistics.median(counted) - statistics.median(uncounted)) * 1e6)
    yield Figure.of("what counting adds to delay()", differences, "us", target=at_most(2))
    ratios, plain = [], []
    for _ in range(sized(3, quick=1)):
        plain.append(drained(tasks.untracked_noop, "disabled://", TEST_CELERY_OPS=json.dumps({"METRICS": False})))
        ratios.append(drained(tasks.untracked_noop, "disabled://").seconds / plain[-1].seconds)
    yield Figure.of("worker time over no-ops, counted / not", ratios, "x", target=at_most(1.03))
    added = [in_receivers() for _ in range(ROUNDS)]
    yield Figure.of("what counting adds to a task in a worker's receivers, of the processor", added, "us")
    usual = min(one.processor for one in plain) / DRAINED * 1e6
    shares = [1 + microseconds / usual for microseconds in added]
    yield Figure.of("… over all that a worker computes for a no-op", shares, "x", target=at_most(1.03))


def in_receivers() -> float:
    """Return the microseconds that counting adds to a no-op in Celery's signals, and where they are added up."""
    spent = {}
    for is_on in (True, False):
        with mock.patch.object(switch, "_is_on", is_on):
            begin = time.process_time()
            for _ in range(RUNS):
                run_noop()
            spent[is_on] = (time.process_time() - begin) / RUNS * 1e6
    flusher().flush()
    return spent[True] - spent[False]


def run_noop() -> None:
    """Send the signals that a worker sends of a task, in its main process and in a child."""
    task, info = tasks.untracked_noop._get_current_object(), {"exchange": "", "routing_key": "celery"}
    details = {"id": "noop", "task": task.name, "delivery_info": info, "celery_ops_published": int(time.time() * 1000)}
    executing.task_received(request=SimpleNamespace(task=task, request_dict=details, delivery_info=info))
    task.push_request(**details)
    executing.task_prerun(sender=task)
    executing.task_success(sender=task)
    executing.task_postrun(sender=task, state="SUCCESS")
    task.pop_request()


def block() -> list[float]:
    taken = [timed(lambda: tasks.untracked_noop.delay(number)) for number in range(CALLS)]  # noqa: B023 - called at once
    flusher().flush()
    client(0).flushdb()
    return taken


@benchmark("numbers_memory", INSIGHT)
def memory() -> Iterator[Figure]:
    """What the store keeps of a busy task name, for all windows together."""
    default_store()
    redis = client()
    for what, spread in (("durations within a factor of 20", 0.5), ("… of 400", 1.0)):
        redis.flushdb()
        before = sum(redis.memory_usage(key, samples=0) for key in redis.scan_iter(count=1000))
        plant("shop.mail", spread)
        keys = list(redis.scan_iter(count=1000))
        used = sum(redis.memory_usage(key, samples=0) for key in keys) - before
        # The site's own rows and those of the queue are as large as those of its only task.
        yield Figure.of(f"bytes of a busy name, {what}", used / 3 / 1024, "KiB", target=at_most(100))
        yield Figure.of("… keys without a time to live", sum(redis.ttl(k) < 0 for k in keys), target=exactly(0))


def plant(task: str, spread: float = 0.5, queue: str = "mail", a_slot: int = 60) -> None:
    """Count a task in every slot of every window."""
    now = time.time()
    chance = random.Random(1)
    for window in WINDOWS.values():
        start, end = window.bounds(now)
        for at in range(start, end, window.step):
            place = (at // 60, "", task, "", queue)
            for _ in range(a_slot):
                flusher().counting.add((place, Total.STARTED, chance.lognormvariate(-1, spread), "", False))
                flusher().counting.add((place, Total.SUCCESS, chance.lognormvariate(0, spread), "", False))
            if at % (50 * window.step) == 0:
                flusher().flush()
    flusher().flush()
