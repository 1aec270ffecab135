"""What the worst texts cost redaction."""

import statistics
import time
from collections.abc import Callable, Iterator

from celery_ops.info import TaskInfo
from celery_ops.payload import payload
from celery_ops.redaction import Budget, capture_arguments
from tests.worst_texts import UNITS, arguments_of, text_of, values_of

from .figures import Figure, at_most
from .registry import TRACKING, benchmark
from .timing import in_turn

ROWS = 200


@benchmark("hostile", TRACKING)
def hostile() -> Iterator[Figure]:
    """The worst texts that redaction meets: in the argument of a published task, and on a page of rows."""
    for size, words, reach in ((6_000, "6 KB", 1), (1_000_000, "1 MB", 20)):
        costs = {unit: max(cost(publish(args)) for args in arguments_of(unit, size)) for unit in UNITS}
        slowest = max(costs, key=costs.__getitem__)
        what = f"redacting {words} of {slowest!r}, the slowest of {len(UNITS)}"
        yield Figure.of(what, costs[slowest], "ms", target=at_most(reach))
        yield Figure.of(f"redacting {words}, of all", list(costs.values()), "ms")
    many = {name: cost(publish((value,))) for name, value in values_of(6_000).items()}
    slowest = max(many, key=many.__getitem__)
    yield Figure.of(f"redacting 6 KB of {slowest}, the slowest values", many[slowest], "ms", target=at_most(1))
    page("a word ")  # the first one of a process also has the tasks imported
    pages = {unit: cost(lambda unit=unit: page(unit), rounds=1) for unit in UNITS}
    slowest = max(pages, key=pages.__getitem__)
    yield Figure.of(f"a page of {ROWS} rows of {slowest!r}, the slowest", pages[slowest], "ms", target=at_most(300))


def publish(args: tuple) -> Callable[[], object]:
    return lambda: capture_arguments(args, {"password": "hunter2"})


def page(unit: str) -> None:
    text = text_of(unit, 8_000)
    budget = Budget.of_page()
    task = TaskInfo("1", "shop.nap", args=repr((text[:900],)), kwargs="{}", error=text, traceback=text)
    for _ in range(ROWS):
        payload.shown(task, budget)


def cost(call: Callable[[], object], rounds: int = 5) -> float:
    (taken,) = in_turn(call, rounds=rounds, warm=0, clock=time.thread_time)
    return statistics.median(taken)
