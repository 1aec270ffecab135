"""What the list of tasks costs over many results, apart from its HTML."""

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

from .beside import PANEL, is_installed
from .figures import Figure, at_most
from .registry import LISTS, benchmark
from .results import ALIAS, BEGIN, NAMES, ROWS, VENDORS, WORKERS, is_reachable, table, task_id
from .timing import in_turn, sized

ROUNDS = sized(15, quick=1)
#: What its views ask for when a request does not say.
SIZE = 50
DEEP = min(500, ROWS // SIZE // 2)
DAY = BEGIN + timedelta(days=100)
HUGE = 2 * 1024 * 1024


@dataclass(frozen=True)
class Case:
    """What is asked of us, the same of the peer where that can be asked, and what to reach at 200,000 rows and more.

    ``queries``: the milliseconds that PostgreSQL may take.
    """

    what: str
    query: TaskQuery
    ratio: float | None = None
    theirs: dict[str, Any] | None = None
    page: int = 1
    queries: float | None = 30


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
    Case("a text in arguments", TaskQuery(text="4711", searches_arguments=True), queries=None),
)


@benchmark("lists", LISTS)
def pages() -> Iterator[Figure]:
    """The data of the list of tasks, its counts included, beside that of dj-celery-panel's."""
    for vendor in filter(is_reachable, VENDORS):
        with table(vendor):
            for case in CASES:
                yield from _figures(f"{vendor}, {ROWS:,}: {case.what}", case, vendor == "postgresql")
            yield from _huge(vendor)


def _figures(what: str, case: Case, is_limited: bool) -> Iterator[Figure]:
    cursor = cursor_of(case.query, case.page)
    calls: list[Callable[[], object]] = [lambda: _ours(case.query, cursor)]
    queries = [_asked(calls[0]) for _ in range(ROUNDS)]
    if case.theirs is not None and is_installed(PANEL):
        calls.append(lambda: _theirs(**case.theirs))
    ours, *theirs = in_turn(*calls, rounds=ROUNDS)
    ratio_target = at_most(case.ratio) if case.ratio else None
    yield Figure.of(what, ours, "ms", peer=PANEL, theirs=theirs[0] if theirs else None, ratio_target=ratio_target)
    limit = at_most(case.queries) if is_limited and case.queries else None
    yield Figure.of(f"… its {len(queries[0])} queries", [sum(spent) for spent in queries], "ms", target=limit)


def _ours(query: TaskQuery, cursor: str) -> None:
    """What our page asks for."""
    backend = ResultsTaskBackend()
    backend.page(query, cursor=cursor, size=SIZE)
    backend.counts(query)


def _theirs(search: str = "", state: str = "", page: int = 1) -> None:
    """What dj-celery-panel's view of results asks for; ``state`` is one of those that it has a filter for."""
    from dj_celery_panel.celery_utils import CeleryTasksDjangoCeleryResultsBackend

    backend = CeleryTasksDjangoCeleryResultsBackend(app)
    found = backend.get_tasks(search_query=search or None, page=page, per_page=SIZE, filter_type=state.lower() or None)
    assert found.error is None, found.error


def cursor_of(query: TaskQuery, page: int) -> str:
    """Return the cursor of a page, come to in long strides."""
    cursor, rows = "", (page - 1) * SIZE
    while rows:
        stride = min(rows, 1000)
        cursor = ResultsTaskBackend().page(query, cursor=cursor, size=stride).next or ""
        rows -= stride
    return cursor


def _huge(vendor: str) -> Iterator[Figure]:
    """A page of rows with results of 2 MB."""
    newest = list(TaskResult.objects.order_by("-id").values_list("pk", flat=True)[:50])
    TaskResult.objects.filter(pk__in=newest).update(result="x" * HUGE)
    tracemalloc.start()
    ResultsTaskBackend().page(TaskQuery(), size=50)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (spent,) = in_turn(lambda: ResultsTaskBackend().page(TaskQuery(), size=50), rounds=ROUNDS)
    yield Figure.of(f"{vendor}: 50 rows of 2 MB", spent, "ms")
    yield Figure.of("… most memory meanwhile", peak / 2**20, "MB", target=at_most(5))


def _asked(call: Callable[[], object]) -> list[float]:
    """Return the milliseconds of each query that a call makes."""
    spent = []

    def timed(execute, *args):
        begin = time.perf_counter()
        try:
            return execute(*args)
        finally:
            spent.append((time.perf_counter() - begin) * 1000)

    with connections[ALIAS].execute_wrapper(timed):
        call()
    return spent
