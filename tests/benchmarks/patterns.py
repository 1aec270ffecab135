"""What the worst texts cost redaction: in the argument of a published task, and on a page of rows."""

import statistics
import time
from collections.abc import Callable, Iterator

from celery_ops.info import TaskInfo
from celery_ops.payload import payload
from celery_ops.redaction import Budget, capture_arguments
from tests.worst_texts import UNITS, arguments_of, text_of, values_of

from .setup import Figure

ROWS = 200


def hostile() -> Iterator[Figure]:
    for size, words, reach in ((6_000, "6 KB", "<= 1 ms"), (1_000_000, "1 MB", "<= 20 ms")):
        costs = {unit: max(cost(publish(args)) for args in arguments_of(unit, size)) for unit in UNITS}
        slowest = max(costs, key=costs.__getitem__)
        yield Figure(
            f"redacting {words} of {slowest!r}, the slowest of {len(UNITS)}", milliseconds(costs[slowest]), reach
        )
        yield Figure(f"redacting {words}, median", milliseconds(statistics.median(costs.values())), "")
    many = {name: cost(publish((value,))) for name, value in values_of(6_000).items()}
    slowest = max(many, key=many.__getitem__)
    yield Figure(f"redacting 6 KB of {slowest}, the slowest values", milliseconds(many[slowest]), "<= 1 ms")
    page("a word ")  # the first one of a process also has the tasks imported
    pages = {unit: cost(lambda unit=unit: page(unit), rounds=1) for unit in UNITS}
    slowest = max(pages, key=pages.__getitem__)
    yield Figure(f"a page of {ROWS} rows of {slowest!r}, the slowest", milliseconds(pages[slowest]), "<= 300 ms")


def publish(args: tuple) -> Callable[[], object]:
    return lambda: capture_arguments(args, {"password": "hunter2"})


def page(unit: str) -> None:
    text = text_of(unit, 8_000)
    budget = Budget.of_page()
    task = TaskInfo("1", "shop.nap", args=repr((text[:900],)), kwargs="{}", error=text, traceback=text)
    for _ in range(ROWS):
        payload.shown(task, budget)


def cost(call: Callable[[], object], rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        begin = time.thread_time()
        call()
        times.append(time.thread_time() - begin)
    return statistics.median(times)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
