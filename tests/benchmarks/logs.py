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

from .drain import drained
from .figures import Figure, at_most, exactly
from .registry import TRACKING, benchmark
from .setup import client, default_store
from .storage import count_round_trips, lifecycle
from .timing import sized

logger = logging.getLogger("site.benchmark")

ROUNDS = sized(3, quick=1)
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
    spans, processors, beside = [], [], []
    for _ in range(ROUNDS):
        without = drained(tasks.talks, "disabled://", options=WRITING, TEST_CELERY_OPS=json.dumps({"LOGS": "none"}))
        kept = drained(tasks.talks, "disabled://", options=WRITING)
        nothing = json.dumps({"LOGS": "none", "METRICS": False})
        alone = drained(tasks.untracked_talks, "disabled://", options=WRITING, TEST_CELERY_OPS=nothing)
        spans.append(kept.seconds / without.seconds)
        processors.append(kept.processor / without.processor)
        beside.append(kept.processor / alone.processor)
    yield Figure.of("worker time over tracked tasks of 20 lines, kept / not", spans, "x", target=at_most(1.10))
    yield Figure.of("the same, of the processor", processors, "x", target=at_most(1.10))
    yield Figure.of("… beside tasks that nobody tracks, counts or keeps lines of", beside, "x")


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
