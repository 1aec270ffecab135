"""What the types of tasks cost: many names over a month, read from the store and shown as a page."""

import random
import time
from collections.abc import Iterator
from functools import partial
from unittest import mock

from django.urls import reverse

from celery_ops.metrics import insight
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.recorder import recorder
from tests.servers import PORT

from .beside import browser, page
from .figures import Figure, at_most
from .registry import INSIGHT, benchmark
from .setup import use_store
from .timing import in_turn, sized

URL = f"redis://127.0.0.1:{PORT}/1"
NAMES = sized((1, 50, 200, 1000), quick=(1, 5))
MUST_REACH = 200
ROUNDS = sized(15, quick=1)
#: Durations of a task are within a factor of about 20: four groups of buckets.
SPREAD = 0.5
#: Events a step of 30 days.
A_STEP = 3
#: Steps a flush: the store has a deadline.
A_FLUSH = 10


@benchmark("types", INSIGHT)
def types() -> Iterator[Figure]:
    """The types of tasks over an hour and 30 days: the page, and what of it is reading the store."""
    use_store(URL, STORE_TIMEOUT=20)
    client, planted = browser(), 0
    for number in NAMES:
        for name in range(planted, number):
            plant(f"shop.tasks.number_{name}", name)
        planted = number
        for window in ("1h", "30d"):
            address = f"{reverse('celery_ops:task-type-list')}?window={window}"
            shown, read = page(client, address), partial(insight.by_task, WINDOWS[window])
            target = at_most(50) if number == MUST_REACH else None
            for what, clock in (("", time.perf_counter), ("… CPU", time.process_time)):
                pages, reads = in_turn(shown, read, rounds=ROUNDS, clock=clock)
                yield Figure.of(what or f"task types, {number} names, {window}", pages, "ms", target=target)
                yield Figure.of(what or "… reading the numbers", reads, "ms")
        with mock.patch.object(recorder(), "ask", side_effect=recorder().ask) as ask:
            shown()
        yield Figure.of("… round trips for numbers", ask.call_count, target=at_most(2))


def plant(task: str, seed: int) -> None:
    """Count a task in every step of the last 30 days, and in every minute of the last hour."""
    chance, now, month = random.Random(seed), time.time(), WINDOWS["30d"]
    start, end = month.bounds(now)
    moments = [*range(start, end, month.step), *(now - minutes * 60 for minutes in range(60))]
    for number, at in enumerate(moments):
        place = (int(at) // 60, "", task, "", f"queue-{seed % 4}")
        for _ in range(A_STEP):
            flusher().counting.add((place, Total.STARTED, chance.lognormvariate(-1, SPREAD), "", False))
            flusher().counting.add((place, Total.SUCCESS, chance.lognormvariate(0, SPREAD), "", False))
        if number % A_FLUSH == 0:
            flusher().flush()
    flusher().flush()
