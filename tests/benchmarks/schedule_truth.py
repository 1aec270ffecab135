"""How long after it happened the page of schedules says that beat is dead or hangs, and that an entry is overdue."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from django.urls import reverse

from celery_ops.schedules import board
from tests.beating import schedule_of
from tests.celery import app
from tests.schedules.beats import SHORT, Beat
from tests.servers import PORT, STORE_TIMEOUT, RedisServer, wait_for
from tests.shop import tasks

from .beside import browser
from .figures import Figure, at_most
from .registry import INSIGHT, benchmark
from .setup import fresh, new_server, use_store
from .timing import IS_QUICK

#: Seconds between two looks at the page, and of the entry's period.
LOOK_EVERY = 0.5
PERIOD = 5
#: Seconds that each of them is waited for.
PATIENCE = 120.0


@benchmark("schedule truth", INSIGHT)
def schedule_truth() -> Iterator[Figure]:
    """A real beat is killed, then another one's broker frozen: seconds until the page says so, by its real limits."""
    client = browser()

    def page() -> str:
        return client.get(reverse("celery_ops:schedule-list")).text

    with _beat(new_server()) as beat:
        begin = time.time()
        beat.kill()
        last_due = _next_due()
        overdue = _until(page, "It is overdue") - last_due
        silent = _until(page, "is silent: nothing is sent") - begin
    yield Figure.of("an entry overdue, since it was due", overdue, "s", target=at_most(31))
    yield Figure.of("beat killed, since it was", silent, "s", target=at_most(60))
    broker = new_server()
    with _beat(broker):
        broker.freeze()
        hung = _next_due()
        stuck = _until(page, "its loop stands still") - hung
    # a page waits two seconds for a broker that does not answer
    yield Figure.of("a loop that hangs on its broker, since it does", stuck, "s")


@contextmanager
def _beat(broker: RedisServer) -> Iterator[Beat]:
    """Run a beat that has sent its entry twice; in a hurry with ``--quick``."""
    fresh()
    use_store(f"redis://127.0.0.1:{PORT}/1", STORE_TIMEOUT=STORE_TIMEOUT)
    entries = {"often": {"task": tasks.untracked_noop.name, "every": PERIOD, "args": [1]}}
    app.conf.beat_schedule = schedule_of(entries)
    env = {
        "TEST_BROKER_URL": f"{broker.url}/0",
        "TEST_STORE_TIMEOUT": str(STORE_TIMEOUT),
        "TEST_HURRY": json.dumps(SHORT if IS_QUICK else {}),
    }
    beat = Beat(env, entries)
    limits = {"report.SILENT_AFTER": 6, "problems.OVERDUE_AFTER": 2} if IS_QUICK else {}
    patches = [mock.patch(f"celery_ops.schedules.{name}", seconds) for name, seconds in limits.items()]
    for patch in patches:
        patch.start()
    try:
        wait_for(lambda: _sent() >= 2, "two occurrences", PATIENCE)
        yield beat
    finally:
        broker.thaw()
        beat.stop()
        for patch in patches:
            patch.stop()
        app.conf.beat_schedule = {}


def _sent() -> int:
    (ring,) = board.rings(["often"])
    return len(ring)


def _next_due() -> float:
    """Return when the entry is due that will not be sent (s since the epoch)."""
    (ring,) = board.rings(["often"])
    return max((one.sent or 0) for one in ring) / 1000 + PERIOD


def _until(page: Callable[[], str], words: str) -> float:
    """Return when the page said so first (s since the epoch)."""
    wait_for(lambda: words in page() or time.sleep(LOOK_EVERY), words, PATIENCE)
    return time.time()
