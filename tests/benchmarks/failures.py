"""What failure groups cost: a thousand of them with a million failures, and what a task pays that fails."""

import random
import time
from collections.abc import Iterator
from functools import partial
from unittest import mock

from billiard.einfo import ExceptionInfo
from django.urls import reverse

from celery_ops.failures import executing, reading
from celery_ops.failures.counting import FailureCounting
from celery_ops.failures.fingerprint import Fingerprint
from celery_ops.failures.tally import Failure
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.windows import WINDOWS
from celery_ops.tracking.recorder import recorder
from tests.servers import PORT
from tests.shop import tasks

from .beside import browser, page
from .figures import Figure, at_most
from .registry import INSIGHT, benchmark
from .setup import client, use_store
from .timing import in_turn, sized

URL = f"redis://127.0.0.1:{PORT}/1"
GROUPS = sized(1000, quick=5)
FAILURES = sized(1_000_000, quick=500)
ROUNDS = sized(15, quick=1)
FAILING = sized(2000, quick=20)
HOURS = 20
#: Digits that are no digits: a number would be taken out of a message.
LETTERS = "klmnopqrst"


@benchmark("failures", INSIGHT)
def failures() -> Iterator[Figure]:
    """A thousand groups that failed a million times in a day: their list, one of them, and what a failing task pays."""
    use_store(URL, STORE_TIMEOUT=20)
    plant()
    browsing = browser()
    key = reading.groups(WINDOWS["24h"]).groups[0].key
    for what, name, arguments, target in (
        (f"the list, {GROUPS:,} groups, {FAILURES:,} failures", "failure-list", [], at_most(60)),
        ("one group", "failure-detail", [key], None),
    ):
        shown = page(browsing, reverse(f"celery_ops:{name}", args=arguments))
        read = partial(reading.groups, WINDOWS["24h"])
        for clock_name, clock in (("", time.perf_counter), (", CPU", time.process_time)):
            pages, reads = in_turn(shown, read, rounds=ROUNDS, clock=clock)
            yield Figure.of(f"{what}{clock_name}", pages, "ms", target=target)
            if not arguments:
                yield Figure.of(f"… reading and adding up{clock_name}", reads, "ms")
        with mock.patch.object(recorder(), "ask", side_effect=recorder().ask) as ask:
            shown()
        yield Figure.of("… round trips", ask.call_count, target=None if arguments else at_most(3))
    used = sum(client().memory_usage(key, samples=0) for key in client().scan_iter(match="*f*", count=1000))
    yield Figure.of("bytes of a group", used / GROUPS / 1024, "KiB")
    yield Figure.of("what a failing task pays, grouping included", cost(), "us")


def plant() -> None:
    """Count failures of each group in each of the last hours: what a task would say is said once, with a number."""
    now, chance = time.time(), random.Random(1)
    counting = flusher().source(FailureCounting)
    each = FAILURES // (GROUPS * HOURS)
    for hour in range(HOURS, 0, -1):
        for number in range(GROUPS):
            words = "".join(LETTERS[int(digit)] for digit in str(number))
            at = now - hour * 3600 * 0.9
            failure = Failure(at, "", "shop.pay", "", "shop.Refused", f"{words} was refused", "shop.pay.charge")
            counting.add(failure)
            counting.fold()
            key = Fingerprint("shop.Refused", f"{words} was refused", "shop.pay.charge").key
            tally = counting._tallies["", key]
            for _ in range(10):
                task_id = f"{chance.getrandbits(32):08x}-89ab-4cde-8123-{number:012d}"
                tally.add(failure._replace(task_id=task_id, objects=(f"shop.order\x1f{chance.randrange(10**6)}",)))
            tally.minutes[int(at) // 60] += each - tally.count
        flusher().flush()


def cost() -> list[float]:
    """Return microseconds of CPU for each of some failures, from the signal until they are grouped."""
    try:
        raise ValueError("order 17 of 'Ada' was refused")
    except ValueError as error:
        info, failed = ExceptionInfo(), error
    taken = []
    for number in range(FAILING):
        before = time.process_time()
        executing.task_failure(tasks.fails, f"id-{number}", failed, (number,), {}, einfo=info)
        taken.append((time.process_time() - before) * 1e6)
    flusher().flush()
    return [sum(taken) / len(taken)]
