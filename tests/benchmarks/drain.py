"""How long one worker takes over a full queue, tracked against untracked."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.servers import PORT, wait_for
from tests.shop import tasks

from .figures import Figure, at_most
from .registry import TRACKING, benchmark
from .setup import client, default_store
from .timing import sized

TASKS = sized(3000, quick=50)
#: Fewer where each of them is written to a disk.
TASKS_OF_A_DATABASE = sized(500, quick=50)
ROUNDS = sized(3, quick=1)


@benchmark("drain", TRACKING)
def ratios() -> Iterator[Figure]:
    """One worker that works off a full queue of no-ops, tracked over untracked."""
    for backend, name, count, target in (
        ("django-db", "django-db results", TASKS_OF_A_DATABASE, at_most(1.08)),
        ("disabled://", "no results", TASKS, at_most(1.15)),
    ):
        spans, processors = [], []
        for _ in range(ROUNDS):
            plain, tracked = (drained(task, backend, count) for task in (tasks.untracked_noop, tasks.noop))
            spans.append(tracked.seconds / plain.seconds)
            processors.append(tracked.processor / plain.processor)
        yield Figure.of(f"worker time over {count:,} no-ops, {name}", spans, "x", target=target)
        yield Figure.of("the same, of the processor", processors, "x", target=target)


class Drained(NamedTuple):
    """Seconds that a worker took from its first task to its last, and those that its processes computed meanwhile."""

    seconds: float
    processor: float


def processor_time(pid: int) -> float:
    """Return the seconds that a process and its children have computed so far: what others do adds nothing."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stats = [Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in (pid, *children)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")


def drain(task, backend: str, **more: str) -> float:
    """Return the seconds that a worker of two processes takes over the queue, from its first task to its last."""
    return drained(task, backend, **more).seconds


def drained(task, backend: str, count: int = TASKS, options: Sequence[str] = (), **more: str) -> Drained:
    """Have a worker of two processes, with more options, work off a full queue of this task."""
    default_store()
    redis = client(0)
    redis.flushdb()
    for number in range(count):
        task.delay(number % 500 + 1)
    environment = {
        **os.environ,
        "TEST_BROKER_URL": f"redis://127.0.0.1:{PORT}/0",
        "TEST_STORE_URL": f"redis://127.0.0.1:{PORT}/1",
        "TEST_RESULT_BACKEND": backend,
        "TEST_DATABASE_NAME": os.environ["TEST_SQLITE_FILE"],
        **more,
    }
    command = [sys.executable, "-m", "celery", "-A", "tests.quick_app", "worker", "-c", "2", "-l", "WARNING"]
    command += ["--without-gossip", "--without-mingle", *options]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # not its greeting
    try:
        wait_for(lambda: redis.llen("celery") < count, "the first task to be taken", 60)
        begin, before = time.perf_counter(), processor_time(worker.pid)
        wait_for(lambda: not redis.llen("celery") and not redis.hlen("unacked"), "an empty queue", 300)
        return Drained(time.perf_counter() - begin, processor_time(worker.pid) - before)
    finally:
        worker.terminate()
        worker.wait(30)
        client(1).flushdb()
