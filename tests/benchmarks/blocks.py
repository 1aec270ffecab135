"""Two workers or more, side by side, that are given their tasks in blocks in turn: what the machine does meets all."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.servers import PORT, wait_for

from .drain import processor_time
from .setup import client, default_store

#: Seconds after the last message of a block in which what a worker has still to do for it is done.
SETTLED = 0.4
#: The database of the messages, apart from where the publishing process connects to.
BROKER = 0


class Spent(NamedTuple):
    """Seconds that a block of tasks took, those that its worker's processes computed, and those that Redis did."""

    seconds: float
    processor: float
    redis: float


@dataclass(frozen=True)
class Side:
    """One of those that are compared: a task, and what a worker's environment says beside the others'."""

    name: str
    task: Any
    environment: dict[str, str]


def in_blocks(
    sides: Sequence[Side], results: str, count: int, blocks: int, options: Sequence[str] = ()
) -> dict[str, list[Spent]]:
    """Return what each block of so many tasks took, of each side; each of them has a block to warm up."""
    default_store()
    spent: dict[str, list[Spent]] = {side.name: [] for side in sides}
    with ExitStack() as stack:
        pids = {side.name: stack.enter_context(_worker(side, results, options)) for side in sides}
        for number in range(blocks + 1):
            for side in sides if number % 2 else reversed(sides):
                block = _block(side, pids[side.name], count)
                if number:
                    spent[side.name].append(block)
    client(BROKER).flushdb()
    client(1).flushdb()
    return spent


def ratios(spent: dict[str, list[Spent]], ours: str, theirs: str, what: str) -> list[float]:
    """Return this of one side over the other, block by block."""
    return [getattr(a, what) / getattr(b, what) for a, b in zip(spent[ours], spent[theirs], strict=True)]


@contextmanager
def _worker(side: Side, results: str, options: Sequence[str]) -> Iterator[int]:
    environment = {
        **os.environ,
        "TEST_BROKER_URL": f"redis://127.0.0.1:{PORT}/{BROKER}",
        "TEST_STORE_URL": f"redis://127.0.0.1:{PORT}/1",
        "TEST_RESULT_BACKEND": results,
        "TEST_DATABASE_NAME": os.environ["TEST_SQLITE_FILE"],
        "CELERY_SKIP_CHECKS": "1",
        **side.environment,
    }
    app = side.environment.get("TEST_APP", "tests.quick_app")
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-c", "2", "-n", f"{side.name}@bench"]
    command += ["-Q", side.name, "--without-gossip", "--without-mingle", *options]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield worker.pid
    finally:
        worker.terminate()
        worker.wait(30)


def _block(side: Side, pid: int, count: int) -> Spent:
    """Publish a block where nobody looks, then hand all of it over at once."""
    redis, held = client(BROKER), f"{side.name}-held"
    for number in range(count):
        side.task.apply_async((number % 500 + 1,), queue=held)
    time.sleep(SETTLED)
    before, of_redis, begin = processor_time(pid), _of_redis(), time.perf_counter()
    redis.rename(held, side.name)
    wait_for(lambda: not redis.llen(side.name) and not redis.hlen("unacked"), "the block to be worked off", 300)
    seconds = time.perf_counter() - begin
    time.sleep(SETTLED)
    return Spent(seconds, processor_time(pid) - before, _of_redis() - of_redis)


def _of_redis() -> float:
    info = client().info("cpu")
    return info["used_cpu_user"] + info["used_cpu_sys"]
