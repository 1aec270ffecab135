"""The list of tasks over many results, its counts included, beside dj-celery-panel where that is installed."""

import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connections
from django_celery_results.models import TaskResult

from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.task_query import TaskQuery
from tests.celery import app

from . import peer
from .results import ALIAS, BEGIN, NAMES, ROWS, VENDORS, WORKERS, is_reachable, table, task_id
from .setup import Figure

ROUNDS = 15
SIZE = peer.ROWS_A_PAGE
DEEP = min(500, ROWS // SIZE // 2)
DAY = BEGIN + timedelta(days=100)
HUGE = 2 * 1024 * 1024


@dataclass(frozen=True)
class Case:
    """What is asked of us, the same of the peer where that can be asked, and what to reach at 200,000 rows and more."""

    what: str
    query: TaskQuery
    ratio: float | None = None
    theirs: dict[str, Any] | None = None
    page: int = 1
    queries: str = "<= 30 ms"


CASES = (
    Case("first page", TaskQuery(), 2.0, {}),
    Case(f"page {DEEP}", TaskQuery(), 2.0, {"page": DEEP}, page=DEEP),
    Case("FAILURE", TaskQuery(states=("FAILURE",)), 1.5, {"state": "FAILURE"}),
    Case("REVOKED, which none is", TaskQuery(states=("REVOKED",))),
    Case("one name", TaskQuery(name=NAMES[7]), 1.5, {"search": NAMES[7]}),
    Case(
        "one name, FAILURE",
        TaskQuery(name=NAMES[7], states=("FAILURE",)),
        1.5,
        {"search": NAMES[7], "state": "FAILURE"},
    ),
    Case("one worker", TaskQuery(worker=WORKERS[3])),
    Case("one worker, FAILURE", TaskQuery(worker=WORKERS[3], states=("FAILURE",))),
    Case("one old day", TaskQuery(since=DAY, until=DAY + timedelta(days=1))),
    Case("one old day, FAILURE", TaskQuery(since=DAY, until=DAY + timedelta(days=1), states=("FAILURE",))),
    Case("a whole id", TaskQuery(text=task_id(ROWS // 3)), 0.1, {"search": task_id(ROWS // 3)}),
    Case("a text in arguments", TaskQuery(text="4711", searches_arguments=True), queries=""),
)


def pages() -> Iterator[Figure]:
    if not peer.IS_INSTALLED:
        yield Figure(peer.MISSING, "", "")
    for vendor in VENDORS:
        if not is_reachable(vendor):
            yield Figure(f"{vendor} is not reachable", "", "")
            continue
        with table(vendor):
            for case in CASES:
                yield _figure(f"{vendor}, {ROWS:,}: {case.what}", case, case.queries * (vendor == "postgresql"))
            yield _huge(vendor)


def _figure(what: str, case: Case, limit: str) -> Figure:
    cursor = _cursor(case)
    calls: list[Callable[[], object]] = [lambda: _ours(case.query, cursor)]
    queries = [_asked(calls[0]) for _ in range(ROUNDS)]
    alone = statistics.median(map(sum, queries)) * 1000
    if case.theirs is not None and peer.IS_INSTALLED:
        calls.append(lambda: peer.task_list(app, **case.theirs))
    ours, *theirs = _in_turn(calls)
    ratio = f", {ours / theirs[0]:.2f} of {theirs[0]:.0f} ms" if theirs else ""
    shown = f"{ours:.1f} ms{ratio}; {len(queries[0])} queries, {alone:.1f} ms"
    return Figure(what, shown, "; ".join(filter(None, [f"<= {case.ratio:g}" if case.ratio else "", limit])))


def _ours(query: TaskQuery, cursor: str) -> None:
    """What our page asks for."""
    backend = ResultsTaskBackend()
    backend.page(query, cursor=cursor, size=SIZE)
    backend.counts(query)


def _cursor(case: Case) -> str:
    """Return the cursor of a page, come to in long strides."""
    cursor, rows = "", (case.page - 1) * SIZE
    while rows:
        stride = min(rows, 1000)
        cursor = ResultsTaskBackend().page(case.query, cursor=cursor, size=stride).next or ""
        rows -= stride
    return cursor


def _huge(vendor: str) -> Figure:
    """A page of rows with results of 2 MB."""
    newest = list(TaskResult.objects.order_by("-id").values_list("pk", flat=True)[:50])
    TaskResult.objects.filter(pk__in=newest).update(result="x" * HUGE)
    tracemalloc.start()
    ResultsTaskBackend().page(TaskQuery(), size=50)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (spent,) = _in_turn([lambda: ResultsTaskBackend().page(TaskQuery(), size=50)])
    return Figure(f"{vendor}: 50 rows of 2 MB", f"{peak / 2**20:.2f} MB, {spent:.1f} ms", "<= 5 MB")


def _asked(call: Callable[[], object]) -> list[float]:
    """Return the seconds of each query that a call makes."""
    spent = []

    def timed(execute, *args):
        begin = time.perf_counter()
        try:
            return execute(*args)
        finally:
            spent.append(time.perf_counter() - begin)

    with connections[ALIAS].execute_wrapper(timed):
        call()
    return spent


def _in_turn(calls: list[Callable[[], object]]) -> list[float]:
    """Return the milliseconds of each call, the median of rounds in which a drift of the machine meets them all."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(ROUNDS):
        for call, spent in zip(calls, times, strict=True):
            begin = time.perf_counter()
            call()
            spent.append(time.perf_counter() - begin)
    return [statistics.median(spent) * 1000 for spent in times]
