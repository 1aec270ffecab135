"""What schedules cost to look at: two thousand entries of a database, of which beat has told."""

import time
from collections.abc import Iterator
from unittest import mock

from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from celery_ops.schedules import board, report
from celery_ops.schedules.board import Facts, Sending, Sign
from celery_ops.tracking.recorder import recorder
from tests.servers import PORT

from .beside import browser, page
from .figures import Figure, at_most
from .registry import INSIGHT, benchmark
from .setup import use_store
from .timing import in_turn, sized

URL = f"redis://127.0.0.1:{PORT}/1"
ENTRIES = sized(2000, quick=10)
ROUNDS = sized(15, quick=1)
#: What beat has told of each entry.
OCCURRENCES = sized(60, quick=2)


@benchmark("schedules", INSIGHT)
def schedules() -> Iterator[Figure]:
    """Two thousand entries of django-celery-beat with sixty occurrences each: their list, the next day, and one."""
    if not apps.is_installed("django_celery_beat"):
        return
    use_store(URL, STORE_TIMEOUT=20)
    plant(3600)
    browsing = browser()
    address = reverse("celery_ops:schedule-list")
    for what, query, most in (
        (f"the list, {ENTRIES:,} entries", address, 60),
        ("200 rows", f"{address}?page_size=200", None),
        ("the last page", f"{address}?page=100000", 60),
        ("the next 24 hours", f"{address}?view=day", None),
        ("one schedule", reverse("celery_ops:schedule-detail", args=["entry 7"]), None),
    ):
        shown = page(browsing, query)
        for clock_name, clock in (("", time.perf_counter), (", CPU", time.process_time)):
            pages, reports = in_turn(shown, report.report, rounds=ROUNDS, clock=clock)
            yield Figure.of(f"{what}{clock_name}", pages, "ms", target=at_most(most) if most else None)
            if query == address:
                yield Figure.of(f"… the report{clock_name}", reports, "ms")
        with mock.patch.object(recorder(), "ask", side_effect=recorder().ask) as ask, counted() as queries:
            shown()
        yield Figure.of("… round trips", ask.call_count)
        yield Figure.of("… queries", len(queries), target=at_most(6))
    plant(-3600)
    overdue = page(browsing, address)
    (pages,) = in_turn(overdue, rounds=ROUNDS, clock=time.process_time)
    yield Figure.of("the list, all overdue, CPU", pages, "ms", target=at_most(60))


def counted() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)


def plant(left: float) -> None:
    """Keep entries of each kind, due after so many seconds, and let beat have told of them."""
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    PeriodicTask.objects.all().delete()
    crons = [CrontabSchedule.objects.create(minute=str(n % 60), hour=str(n % 24)) for n in range(200)]
    intervals = [IntervalSchedule.objects.create(every=n + 1, period="minutes") for n in range(100)]
    tasks = []
    for n in range(ENTRIES):
        kind = {"crontab": crons[n % 200]} if n % 2 else {"interval": intervals[n % 100]}
        tasks.append(
            PeriodicTask(name=f"entry {n}", task="tests.shop.tasks.noop", args="[1]", enabled=n % 10 > 0, **kind)
        )
    PeriodicTask.objects.bulk_create(tasks)
    now = int(time.time() * 1000)
    scheduler = "django_celery_beat.schedulers.DatabaseScheduler"
    board.give(Sign("t", "bench", 1, scheduler, "tests", now - 60_000, 60.0, 0.0, 5.0, ENTRIES), 0)
    for n in range(0, ENTRIES, 100):
        names = [f"entry {m}" for m in range(n, min(n + 100, ENTRIES))]
        told = {k: Sending(now - k * 60_000 - 1000, now - k * 60_000, f"{n}-{k}") for k in range(OCCURRENCES)}
        facts = {name: Facts(int(now + left * 1000), None, OCCURRENCES, told[0]) for name in names}
        board.add(facts, {name: {OCCURRENCES - k: one for k, one in told.items()} for name in names}, 0, time.time())
