"""What processes lose that are killed outright while they publish: ``KILLS=10000 python -m tests.benchmarks kills``.

Each is forked from this one, which is warm, publishes as fast as it can and tells what it has published; it is killed
at a random moment. What it told of and the store does not know is lost.
"""

import os
import random
import signal
import struct
import time
import uuid
from collections.abc import Iterator

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

KILLS = int(os.environ.get("KILLS", sized(200, quick=5)))
#: Seconds after its first publish in which a process is killed.
MOMENTS = (0.005, 0.06)
#: An id, and when ``delay()`` had returned: ``time.monotonic()``, which is the same clock for all processes.
PUBLISHED = struct.Struct("16sd")
#: Processes whose objects have the same key, so that the store does not fill.
OBJECTS = 1000


@benchmark("kills", TRACKING)
def distribution() -> Iterator[Figure]:
    """What a process loses that is killed in the middle of a burst of publishes."""
    use_store(f"redis://127.0.0.1:{PORT}/1", STORE_TIMEOUT=PATIENCE)  # a busy machine is no outage
    tasks.noop.delay(1)
    lost: list[int] = []
    oldest: list[float] = []  # milliseconds, of each kill that lost something
    published = 0
    for number in range(KILLS):
        ref = ObjectRef("shop.order", str(number % OBJECTS + 1))
        told, killed_at = killed(int(ref.pk))
        published += len(told)
        known = {task.id for task in read_tasks([ref])[0]}
        missing = [at for task_id, at in told if task_id not in known]
        lost.append(len(missing))
        oldest += [1000 * (killed_at - min(missing))] if missing else []
        client(1).delete(f"celery_ops:{{shop.order:{ref.pk}}}", f"celery_ops:{{shop.order:{ref.pk}}}:long")
        if number % 100 == 99:
            client(0).flushdb()
    yield Figure.of(f"facts lost at one of {KILLS:,} kills", lost, target=at_most(100))
    for name, part in (("95th percentile", 0.95), ("99th percentile", 0.99), ("most", 1)):
        yield Figure.of(f"the same, {name}", at(lost, part))
    yield Figure.of("age of the oldest fact that was lost", oldest, "ms", target=at_most(20))
    for name, part in (("95th percentile", 0.95), ("99th percentile", 0.99), ("most", 1)):
        yield Figure.of(f"the same, {name}", at(oldest, part), "ms")
    yield Figure.of("kills that lost nothing", lost.count(0))
    yield Figure.of("kills that lost something older than 20 ms", sum(age > 20 for age in oldest), target=exactly(0))
    yield Figure.of("facts published / lost", published / max(1, sum(lost)), "x")


def killed(pk: int) -> tuple[list[tuple[str, float]], float]:
    """Kill a process that publishes tasks of this object; return what it had told of, and when it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        publish_on(pk, write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read(PUBLISHED.size)
        time.sleep(random.uniform(*MOMENTS))
        killed_at = time.monotonic()
        os.kill(child, signal.SIGKILL)
        said += pipe.read()
    os.waitpid(child, 0)
    whole = len(said) // PUBLISHED.size * PUBLISHED.size
    return [(str(uuid.UUID(bytes=task_id)), at) for task_id, at in PUBLISHED.iter_unpack(said[:whole])], killed_at


def publish_on(pk: int, write: int) -> None:
    """Publish until it is killed; it never returns."""
    pools.reset()
    app._pool = app.amqp._producer_pool = None
    try:
        while True:
            result = tasks.noop.delay(pk)
            os.write(write, PUBLISHED.pack(uuid.UUID(result.id).bytes, time.monotonic()))
    finally:
        os._exit(1)


def at(numbers: list, part: float) -> float:
    """Return the number below which this part of them is."""
    return sorted(numbers)[min(len(numbers) - 1, int(len(numbers) * part))] if numbers else 0
