"""How long one worker takes over a full queue, tracked against untracked."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.servers import PORT, wait_for
from tests.shop import tasks

from .figures import Figure, at_most
from .registry import TRACKING, benchmark
from .setup import client, default_store
from .timing import sized

TASKS = sized(3000, quick=50)
ROUNDS = sized(3, quick=1)


@benchmark("drain", TRACKING)
def ratios() -> Iterator[Figure]:
    """One worker that works off a full queue of no-ops, tracked over untracked."""
    for backend, name, target in (
        ("django-db", "django-db results", at_most(1.08)),
        ("disabled://", "no results", at_most(1.15)),
    ):
        pairs = []
        for _ in range(ROUNDS):
            plain = drain(tasks.untracked_noop, backend)
            pairs.append(drain(tasks.noop, backend) / plain)
        yield Figure.of(f"worker time over {TASKS:,} no-ops, {name}", pairs, "x", target=target)


def drain(task, backend: str, **more: str) -> float:
    """Return the seconds that a worker of two processes takes over the queue, from its first task to its last."""
    default_store()
    redis = client(0)
    redis.flushdb()
    for number in range(TASKS):
        task.delay(number % 500 + 1)
    environment = {
        **os.environ,
        "TEST_BROKER_URL": f"redis://127.0.0.1:{PORT}/0",
        "TEST_STORE_URL": f"redis://127.0.0.1:{PORT}/1",
        "TEST_RESULT_BACKEND": backend,
        "TEST_DATABASE_NAME": os.environ["TEST_SQLITE_FILE"],
        **more,
    }
    command = [sys.executable, "-m", "celery", "-A", "tests.hurried", "worker", "-c", "2", "-l", "WARNING"]
    command += ["--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # not its greeting
    try:
        wait_for(lambda: redis.llen("celery") < TASKS, "the first task to be taken", 60)
        begin = time.perf_counter()
        wait_for(lambda: not redis.llen("celery") and not redis.hlen("unacked"), "an empty queue", 300)
        return time.perf_counter() - begin
    finally:
        worker.terminate()
        worker.wait(30)
        client(1).flushdb()
