"""What counting costs, what the store keeps of it, and whether what is shown is true."""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from celery_ops.metrics import insight, switch
from celery_ops.metrics.cells import Cell, Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.windows import WINDOWS
from tests.servers import PORT, wait_for
from tests.shop import tasks

from .drain import drain
from .figures import Figure, at_most, exactly
from .publish import timed
from .registry import INSIGHT, benchmark
from .setup import client, default_store, use_store
from .timing import sized

ROUNDS = sized(21, quick=1)
CALLS = sized(500, quick=20)
TASKS = sized(20_000, quick=300)
WORKERS = 3
URL = f"redis://127.0.0.1:{PORT}/1"
#: What becomes of a task, and how often.
FATES = (("succeeds", 85), ("fails", 8), ("retries", 5), ("rejects", 2))


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
    ratios = []
    for _ in range(sized(3, quick=1)):
        plain = drain(tasks.untracked_noop, "disabled://", TEST_CELERY_OPS=json.dumps({"METRICS": False}))
        ratios.append(drain(tasks.untracked_noop, "disabled://") / plain)
    yield Figure.of("worker time over no-ops, counted / not", ratios, "x", target=at_most(1.03))


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


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt, as the task itself noted it; times in seconds."""

    waited: float
    ran: float
    fate: str


def runs(directory: str) -> list[Run]:
    lines = [line.split() for path in Path(directory).iterdir() for line in path.read_text().splitlines()]
    return [Run(float(waited), float(ran), fate) for waited, ran, fate in lines]


@benchmark("truth", INSIGHT)
def truth() -> Iterator[Figure]:
    """Three workers, waits, failures and retries that are known: what is shown against what happened."""
    default_store()
    client(0).flushdb()
    chance = random.Random(7)
    fates = chance.choices([fate for fate, _ in FATES], [weight for _, weight in FATES], k=TASKS)
    with tempfile.TemporaryDirectory() as directory:
        workers = [worker(number) for number in range(WORKERS)]
        try:
            for fate in fates:
                tasks.measured.delay(directory, chance.lognormvariate(-3.9, 0.8), fate, time.time())
            flusher().flush()
            ends = TASKS + fates.count("retries")
            wait_for(lambda: len(runs(directory)) >= ends, "all tasks to end", 900)
        finally:
            for process in workers:
                process.terminate()
            for process in workers:
                process.wait(60)
        happened = runs(directory)
    yield from compared(Counter(run.fate for run in happened), happened)


def compared(happened: Counter[str], attempts: list[Run]) -> Iterator[Figure]:
    """Yield by how much each number and each percentile is off."""
    numbers = insight.insight(WINDOWS["1h"], task=tasks.measured.name)
    for cell, expected in (
        (Cell.SENT, len(attempts)),
        (Cell.STARTED, len(attempts)),
        (Cell.SUCCESS, happened["succeeds"] + happened["retries"]),
        (Cell.FAILURE, happened["fails"]),
        (Cell.RETRY, happened["again"]),
        (Cell.REJECTED, happened["rejects"]),
    ):
        yield Figure.of(f"{cell.name} of {expected:,}", numbers.count(cell) - expected, target=exactly(0))
    ended = [run for run in attempts if run.fate in ("succeeds", "retries", "fails")]
    for what, shown, durations in (
        ("wait", numbers.wait, sorted(run.waited for run in attempts)),
        ("run", numbers.run, sorted(run.ran for run in ended)),
    ):
        for percent in (50, 95, 99):
            is_so = durations[-(-len(durations) * percent // 100) - 1]
            off = abs((shown.percentile(percent) or 0) - is_so) / is_so
            yield Figure.of(f"{what} p{percent}, off by", 100 * off, "%", target=at_most(5))


def worker(number: int) -> subprocess.Popen:
    environment = {
        **os.environ,
        "TEST_BROKER_URL": f"redis://127.0.0.1:{PORT}/0",
        "TEST_STORE_URL": URL,
        "TEST_RESULT_BACKEND": "disabled://",
        "TEST_DATABASE_NAME": os.environ["TEST_SQLITE_FILE"],
    }
    command = [sys.executable, "-m", "celery", "-A", "tests.celery", "worker", "-c", "2", "-l", "CRITICAL"]
    return subprocess.Popen([*command, "-n", f"w{number}@truth", "--without-gossip"], env=environment)
