"""What processes lose that are killed outright while they publish: ten thousand of them.

Each is forked from this one, which is warm, connects to the broker and waits. Then one after the other publishes as
fast as it can and tells what it has published, while nothing else of this run has anything to do, and is killed at a
random moment. What it told of and the store does not know is lost.
"""

import os
import random
import signal
import struct
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from kombu import pools

from celery_ops.tracking.reading import read_tasks
from celery_ops.tracking.refs import ObjectRef
from tests.celery import app
from tests.servers import PATIENCE, PORT
from tests.shop import tasks

from .figures import Figure, at_most, exactly
from .registry import TRACKING, benchmark
from .setup import client, use_store
from .timing import sized

KILLS = sized(10_000, quick=5)
#: Processes that are forked together, before the first of them publishes.
FORKED = sized(50, quick=5)
#: Seconds after its first publish in which a process is killed.
MOMENTS = (0.005, 0.05)
#: An id, and when ``delay()`` had returned: ``time.monotonic()``, which is the same clock for all processes.
PUBLISHED = struct.Struct("16sd")


@dataclass
class Publisher:
    """A process that publishes tasks of the object ``ref`` once it is told to, until it is killed."""

    ref: ObjectRef
    pid: int = 0
    killed_at: float = 0
    _first: bytes = b""
    _start: int = -1
    _told: int = -1

    def fork(self) -> None:
        start, self._start = os.pipe()
        self._told, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            publish(int(self.ref.pk), start, told)
        os.close(start)
        os.close(told)

    def kill(self) -> None:
        """Let it publish, and kill it at a random moment after its first task."""
        os.write(self._start, b"!")
        self._first = os.read(self._told, PUBLISHED.size)
        time.sleep(random.uniform(*MOMENTS))
        self.killed_at = time.monotonic()
        os.kill(self.pid, signal.SIGKILL)

    def told(self) -> list[tuple[str, float]]:
        """Return what it had told of: a pipe holds more than it can have said."""
        os.close(self._start)
        with os.fdopen(self._told, "rb") as pipe:
            said = self._first + pipe.read()
        whole = len(said) // PUBLISHED.size * PUBLISHED.size
        return [(str(uuid.UUID(bytes=task_id)), at) for task_id, at in PUBLISHED.iter_unpack(said[:whole])]


@benchmark("kills", TRACKING)
def distribution() -> Iterator[Figure]:
    """What a process loses that is killed in the middle of a burst of publishes."""
    use_store(f"redis://127.0.0.1:{PORT}/1", STORE_TIMEOUT=PATIENCE)  # a busy machine is no outage
    tasks.noop.delay(1)
    lost: list[int] = []
    oldest: list[float] = []  # milliseconds, of each kill that lost something
    published = 0
    for done in range(0, KILLS, FORKED):
        publishers = killed(min(FORKED, KILLS - done))
        known = read_tasks([publisher.ref for publisher in publishers])
        for publisher, read in zip(publishers, known, strict=True):
            told, ids = publisher.told(), {task.id for task in read}
            published += len(told)
            missing = [at for task_id, at in told if task_id not in ids]
            lost.append(len(missing))
            oldest += [1000 * (publisher.killed_at - min(missing))] if missing else []
        client(0).flushdb()
        client(1).flushdb()
    yield Figure.of(f"facts lost at one of {KILLS:,} kills", lost, target=at_most(100))
    for name, part in (("95th percentile", 0.95), ("99th percentile", 0.99), ("most", 1)):
        yield Figure.of(f"the same, {name}", at(lost, part))
    yield Figure.of("age of the oldest fact that was lost", oldest, "ms", target=at_most(20))
    for name, part in (("95th percentile", 0.95), ("99th percentile", 0.99), ("most", 1)):
        yield Figure.of(f"the same, {name}", at(oldest, part), "ms")
    yield Figure.of("kills that lost nothing", lost.count(0))
    yield Figure.of("kills that lost something older than 20 ms", sum(age > 20 for age in oldest), target=exactly(0))
    yield Figure.of("facts published / lost", published / max(1, sum(lost)), "x")


def killed(number: int) -> list[Publisher]:
    """Fork so many, and kill each while it publishes, one after the other."""
    publishers = [Publisher(ObjectRef("shop.order", str(pk))) for pk in range(1, number + 1)]
    for publisher in publishers:
        publisher.fork()
    for publisher in publishers:
        publisher.kill()
    for publisher in publishers:
        os.waitpid(publisher.pid, 0)
    return publishers


def publish(pk: int, start: int, told: int) -> None:
    """Publish from the start on until it is killed; it never returns."""
    pools.reset()
    app._pool = app.amqp._producer_pool = None
    try:
        tasks.untracked_noop.delay(pk)  # is connected
        os.read(start, 1)
        while True:
            result = tasks.noop.delay(pk)
            os.write(told, PUBLISHED.pack(uuid.UUID(result.id).bytes, time.monotonic()))
    finally:
        os._exit(1)


def at(numbers: list, part: float) -> float:
    """Return the number below which this part of them is."""
    return sorted(numbers)[min(len(numbers) - 1, int(len(numbers) * part))] if numbers else 0
