"""What the page of charts costs, and how that grows with names and with time."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from unittest import mock

from django.test import Client
from django.urls import reverse

from celery_ops.metrics import insight
from celery_ops.metrics.cells import Total
from celery_ops.metrics.distribution import bucket_of
from celery_ops.metrics.rows import Names, rows_of
from celery_ops.metrics.tally import Subject, Tally
from celery_ops.metrics.windows import WINDOWS, Window
from celery_ops.tracking.recorder import recorder
from tests.servers import PORT

from .beside import browser, page
from .figures import Figure, at_most, exactly
from .registry import INSIGHT, benchmark
from .setup import client as redis_client
from .setup import use_store
from .timing import in_turn, sized

ROUNDS = sized(30, quick=1)
NAMES = (1, 10, 200, 1000) if ROUNDS > 1 else (1, 5)
USUAL = 200 if ROUNDS > 1 else 5
#: Names of which what they did is written at once.
AT_ONCE = 20


@benchmark("insight", INSIGHT)
def charts() -> Iterator[Figure]:
    """The page of charts at 200 task names, over each window, whole and filtered; then 30 days at 1 to 1,000 names."""
    use_store(f"redis://127.0.0.1:{PORT}/1", STORE_TIMEOUT=5)
    client = browser()
    plant(USUAL, WINDOWS.values())
    yield Figure.of("round trips to the store", trips(), target=exactly(2))
    for name in WINDOWS:
        yield from taken(client, f"{USUAL} names, {name}", f"?window={name}", target=at_most(50))
    yield from taken(client, "… 30d, one task", f"?window=30d&task={named(0)}", target=at_most(50))
    yield from taken(client, "… 30d, one queue", "?window=30d&queue=q0", target=at_most(50))
    as_json = page(client, reverse("celery_ops:api-insight") + "?window=30d")
    (json,) = in_turn(as_json, rounds=ROUNDS)
    yield Figure.of("… 30d as JSON", json, "ms", target=at_most(50))
    length = len(client.get(reverse("celery_ops:insight") + "?window=30d").content)
    yield Figure.of("… 30d, the page's length", length / 1024, "KiB")
    for number in NAMES:
        redis_client().flushdb()
        plant(number, [WINDOWS["30d"]])
        yield from taken(client, f"30d, {number:,} names", "?window=30d")


def taken(client: Client, what: str, query: str, **target: object) -> Iterator[Figure]:
    """Measure a page, the time and the part of it that is ours: the server's is a process of its own."""
    ask = page(client, reverse("celery_ops:insight") + query, "celery-ops-plot")
    (wall,) = in_turn(ask, rounds=ROUNDS)
    (ours,) = in_turn(ask, rounds=ROUNDS, clock=time.process_time)
    yield Figure.of(what, wall, "ms", **target)
    yield Figure.of("… CPU of the site", ours, "ms")


def trips() -> int:
    """Return how often the store is asked for a page's numbers."""
    store = recorder().store
    with mock.patch.object(type(store), "tallies", autospec=True, side_effect=type(store).tallies) as tallies:
        insight.picture(WINDOWS["30d"])
    return tallies.call_count


def named(number: int) -> str:
    return f"shop.tasks.number_{number:04}"


def plant(names: int, windows) -> None:
    """Have so many tasks do something in every slot of these windows."""
    chance, now = random.Random(1), time.time()
    moments = sorted({at for window in windows for at in _slots(window, now)})
    for first in range(0, names, AT_ONCE):
        tallies = {
            Subject(at // 60, "", named(number), f"q{number % 7}"): tally(chance)
            for number in range(first, min(names, first + AT_ONCE))
            for at in moments
        }
        for begin in range(0, len(moments), 100):
            part = set(moments[begin : begin + 100])
            some = [(subject, one) for subject, one in tallies.items() if subject.minute * 60 in part]
            rows = rows_of(some, Names())
            recorder().ask(lambda store, rows=rows, once=f"{names}-{first}-{begin}-{now}": store.add(rows, once))


def _slots(window: Window, now: float) -> range:
    start, _end = window.bounds(now)
    return range(start // 60 * 60, int(now), window.step)


def tally(chance: random.Random) -> Tally:
    """Return what a task did in one minute."""
    one = Tally()
    one.counts = defaultdict(
        int, {Total.SENT: 12, Total.STARTED: 12, Total.SUCCESS: 10, Total.FAILURE: 1, Total.RETRY: 1}
    )
    one.waits, one.runs = defaultdict(int), defaultdict(int)
    for _ in range(4):
        one.waits[bucket_of(chance.lognormvariate(-1, 0.7))] += 3
        one.runs[bucket_of(chance.lognormvariate(0, 0.7))] += 3
    one.run_seconds = 14.0
    return one
