"""What the overview costs while many workers answer."""

import os
import subprocess
import sys
from collections.abc import Iterator

from .crowd import crowd
from .figures import Figure, at_most
from .registry import WORKERS as PART
from .registry import benchmark
from .timing import sized

WORKERS = sized(300, quick=10)
ROUNDS = sized(5, quick=1)


@benchmark("overview", PART)
def crowded() -> Iterator[Figure]:
    """The overview while many workers answer: in a new process, in one that knows them, and within a moment."""
    with crowd(WORKERS):
        cold = [_new_process() for _ in range(ROUNDS)]
        whats = f"overview, {WORKERS} workers, a new process", "… again when the answers are old", "… again at once"
        for number, (what, most) in enumerate(zip(whats, (2500, 500, 500), strict=True)):
            took, worked = ([row[2 * number + offset] for row in cold] for offset in (0, 1))
            yield Figure.of(what, took, "ms", target=at_most(most))
            yield Figure.of("… of it the processor's", worked, "ms")


def _new_process() -> list[float]:
    """Return milliseconds of three requests of one process."""
    command = [sys.executable, "-m", "tests.benchmarks.visitor"]
    return [float(word) for word in subprocess.check_output(command, env=os.environ, text=True).split()]
