"""What it costs to ask three workers from a terminal, beside a command that does nothing."""

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

from .setup import Figure

ROUNDS = 7
MANAGE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""
BARE = ("celery_ops", "prune", "--dry-run", "--verbosity", "0")
INSPECT = ("celery_ops", "inspect", "--format", "json")


def inspecting() -> Iterator[Figure]:
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
    check, bare, inspect = (statistics.median(seconds) for seconds in took.values())
    answered = json.loads(_timed(url, *INSPECT)[1])
    yield Figure("manage.py check, s", f"{check:.2f}", "")
    yield Figure("celery_ops prune --dry-run, s", f"{bare:.2f}", "")
    yield Figure("celery_ops inspect of three workers, s", f"{inspect:.2f}", "")
    yield Figure("… over the command that does nothing, s", f"{inspect - bare:.2f}", "<= 0.30")
    yield Figure("… workers that answered", str(len(answered["workers"])), "3")
    workers[0].signal_all(signal.SIGKILL)
    left = statistics.median(_timed(url, *INSPECT)[0] for _ in range(3))
    yield Figure("… one of them was killed, s over it", f"{left - bare:.2f}", "<= 1.30")


def _timed(url: str, *words: str) -> tuple[float, str]:
    environment = {**os.environ, "TEST_BROKER_URL": url}
    begin = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", MANAGE, *words], check=True, capture_output=True, text=True, env=environment
    )
    return time.perf_counter() - begin, ended.stdout
