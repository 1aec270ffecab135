"""What the overview costs while many workers answer: in a new process, in one that knows them, and within a moment."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from .setup import Figure, client

WORKERS = 300
ROUNDS = 5


def crowded() -> Iterator[Figure]:
    from tests.celery import app

    client(0).flushdb()
    command = [sys.executable, "-m", "tests.benchmarks.crowd", app.conf.broker_url, str(WORKERS)]
    crowd = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert crowd.stdout.readline() == "listening\n"
        cold = [_new_process() for _ in range(ROUNDS)]
        whats = f"overview, {WORKERS} workers, a new process", "… again when the answers are old", "… again at once"
        for number, (what, most) in enumerate(zip(whats, (2500, 500, 500), strict=True)):
            took, worked = ([row[2 * number + offset] for row in cold] for offset in (0, 1))
            yield Figure(f"{what}, ms", _shown(took), f"<= {most}")
            yield Figure("… of it the processor's", _shown(worked), "")
    finally:
        crowd.kill()
        crowd.wait()
        client(0).flushdb()


def _shown(milliseconds) -> str:
    found = sorted(milliseconds)
    return f"{statistics.median(found):.0f} (most {found[-1]:.0f})"


def _new_process() -> list[float]:
    """Return milliseconds of three requests of one process."""
    command = [sys.executable, "-m", "tests.benchmarks.visitor"]
    return [float(word) for word in subprocess.check_output(command, env=os.environ, text=True).split()]
