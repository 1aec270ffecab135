"""How long one worker takes over a full queue, tracked against untracked."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.servers import PORT, wait_for
from tests.shop import tasks

from .setup import Figure, client, default_store

TASKS = 3000
ROUNDS = 3


def ratios() -> Iterator[Figure]:
    for backend, name, reach in (
        ("django-db", "django-db results", "<= 1.35"),
        ("disabled://", "no results", "<= 1.50"),
    ):
        pairs = []
        for _ in range(ROUNDS):
            plain = drain(tasks.untracked_noop, backend)
            pairs.append(drain(tasks.noop, backend) / plain)
        shown = f"{statistics.median(pairs):.2f} ({min(pairs):.2f}-{max(pairs):.2f})"
        yield Figure(f"worker draining {TASKS} no-ops, tracked / untracked, {name}", shown, reach)


def drain(task, backend: str) -> float:
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
    }
    command = [sys.executable, "-m", "celery", "-A", "tests.celery", "worker", "-c", "2", "-l", "WARNING"]
    worker = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], env=environment)
    try:
        wait_for(lambda: redis.llen("celery") < TASKS, "the first task to be taken", 60)
        begin = time.perf_counter()
        wait_for(lambda: not redis.llen("celery") and not redis.hlen("unacked"), "an empty queue", 300)
        return time.perf_counter() - begin
    finally:
        worker.terminate()
        worker.wait(30)
        client(1).flushdb()
