"""What keeping log lines costs: a worker's time, a line, the store's memory."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

from celery import current_app

from celery_ops.task_logs import switch
from celery_ops.task_logs.handler import TaskLogHandler, enter, leave
from celery_ops.tracking.recorder import recorder
from tests.shop import tasks

from .blocks import Side, Spent, in_blocks, ratios
from .figures import Figure, at_most, exactly
from .registry import TRACKING, benchmark
from .setup import client, default_store
from .storage import count_round_trips, lifecycle
from .timing import sized

logger = logging.getLogger("site.benchmark")

#: Tasks of a block, and blocks of each side.
TASKS, PAIRS = sized((400, 9), quick=(20, 1))
LINES = sized(100_000, quick=300)
BLOCKS = sized(9, quick=1)
#: Lines are written, to where it takes least.
WRITING = ("-l", "INFO", "-f", "/dev/null")


@benchmark("logs", TRACKING)
def logs() -> Iterator[Figure]:
    """A tracked task that logs 20 lines, kept over not kept; what a line costs, and what the store has of it."""
    yield from workers()
    default_store()
    for words, text in (("", "stage 2 of 5 of order 4711 done in 0.132 s"), (", of 10 KB", "x" * 10_000)):
        yield Figure.of(f"what keeping adds to a line{words}, CPU", a_line(text), "us", target=at_most(30))
    client().flushdb()
    yield from round_trips()


def workers() -> Iterator[Figure]:
    """The same logging of logging, broker and results on all sides; blocks of each in turn."""
    silent = {"TEST_CELERY_OPS": json.dumps({"LOGS": "none"})}
    without_us = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.site.alone", "TEST_APP": "tests.celery"}
    sides = (
        Side("kept", tasks.talks, {}),
        Side("not", tasks.talks, silent),
        Side("alone", tasks.untracked_talks, without_us),
    )
    for results, words in (("django-db", "django-db results"), ("disabled://", "no results")):
        spent = in_blocks(sides, results, TASKS, PAIRS, WRITING)
        for other, beside in (("not", "tracked, its lines not kept"), ("alone", "a worker without us")):
            at, of_processor, of_redis = (ratios(spent, "kept", other, what) for what in Spent._fields)
            yield Figure.of(f"20 lines, {words}, over {beside}", at, "x", target=at_most(1.10))
            yield Figure.of("… of the worker's processor", of_processor, "x", target=at_most(1.10))
            yield Figure.of("… of Redis's processor, the broker's work included", of_redis, "x")


def a_line(text: str) -> Sequence[float]:
    """Return the microseconds that a line takes more, those of redacting and sending what is kept included."""

    def run(order_id: int) -> None:
        for _ in range(LINES):
            logger.info("%s", text)

    differences = []
    assert switch.wanted() == switch.TRACKED
    with written("/dev/null"), mock.patch.object(tasks.talks, "run", run):
        for number in range(BLOCKS + 1):
            taken = []
            for mode in (switch.TRACKED, switch.NONE) if number % 2 else (switch.NONE, switch.TRACKED):
                remove_handlers()
                with mock.patch.object(switch, "_wanted", mode):
                    before = time.process_time()
                    tasks.talks.apply((number + 1,), throw=True)
                    recorder().flush()
                    taken.append((mode, time.process_time() - before))
            spent = dict(taken)
            differences.append((spent[switch.TRACKED] - spent[switch.NONE]) * 1e6 / LINES)
    return differences[1:]


def remove_handlers() -> None:
    """Where lines are not wanted, no handler of ours is added."""
    for name in (None, *logging.root.manager.loggerDict.copy()):
        for one in [one for one in logging.getLogger(name).handlers if isinstance(one, TaskLogHandler)]:
            logging.getLogger(name).removeHandler(one)


@contextmanager
def written(path: str) -> Iterator[None]:
    """Let lines be written as a worker writes them."""
    root = logging.getLogger()
    with open(path, "w") as file:
        writing = logging.StreamHandler(file)
        root.addHandler(writing)
        root.setLevel("INFO")
        yield
        root.removeHandler(writing)


def round_trips() -> Iterator[Figure]:
    lifecycle(tasks.talks, (1,))  # connects, and brings the script
    with written("/dev/null"):
        yield Figure.of(
            "round trips of a life with 20 lines",
            count_round_trips(lambda: lifecycle(tasks.talks, (2,), does=_talking)),
            target=exactly(3),
        )
    keys = list(client().scan_iter(match="*~log*", count=1000))
    yield Figure.of("bytes of the log of such a task", sum(client().memory_usage(key, samples=0) for key in keys))


def _talking() -> None:
    task = current_app.tasks[tasks.talks.name]
    enter(task)
    tasks._talk(2)
    leave(task)
