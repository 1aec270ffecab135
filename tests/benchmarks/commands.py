"""What ``manage.py celery_ops inspect`` costs."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.backends.starting import end, start
from tests.servers import PORT

from .figures import Figure, at_most, exactly
from .registry import COMMANDS, benchmark
from .timing import sized

ROUNDS = sized(7, quick=1)
MANAGE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""
BARE = ("celery_ops", "prune", "--dry-run", "--verbosity", "0")
INSPECT = ("celery_ops", "inspect", "--format", "json")


@benchmark("inspect", COMMANDS)
def inspecting() -> Iterator[Figure]:
    """Three workers asked from a terminal, beside a command that does nothing."""
    url = f"redis://127.0.0.1:{PORT}/3"
    workers = start("i1@bench", "i2@bench", "i3@bench", url=url)
    try:
        yield from _figures(url, workers)
    finally:
        for worker in workers:
            end(worker)


def _figures(url: str, workers) -> Iterator[Figure]:
    took: dict[tuple[str, ...], list[float]] = {("check",): [], BARE: [], INSPECT: []}
    for _ in range(ROUNDS):  # in turn, so that a drift of the machine meets all
        for words, seconds in took.items():
            seconds.append(_timed(url, *words)[0])
    check, bare, inspect = took.values()
    nothing = statistics.median(bare)
    answered = json.loads(_timed(url, *INSPECT)[1])
    yield Figure.of("manage.py check", check, "s")
    yield Figure.of("celery_ops prune --dry-run", bare, "s")
    yield Figure.of("celery_ops inspect of three workers", inspect, "s")
    yield Figure.of(
        "… over the command that does nothing", statistics.median(inspect) - nothing, "s", target=at_most(0.3)
    )
    yield Figure.of("… workers that answered", len(answered["workers"]), target=exactly(3))
    workers[0].signal_all(signal.SIGKILL)
    over = [_timed(url, *INSPECT)[0] - nothing for _ in range(sized(3, quick=1))]
    yield Figure.of("… over it, one of them killed", over, "s", target=at_most(1.3))


def _timed(url: str, *words: str) -> tuple[float, str]:
    environment = {**os.environ, "TEST_BROKER_URL": url}
    begin = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", MANAGE, *words], check=True, capture_output=True, text=True, env=environment
    )
    return time.perf_counter() - begin, ended.stdout
