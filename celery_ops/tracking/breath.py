"""A thread that computes keeps the others from Python's lock for up to 5 milliseconds: ours lets go in between."""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

#: Seconds that are slept: enough for who waits to take the lock. ``sleep(0)`` would take it again at once.
BREATH: Final = 1e-6

T = TypeVar("T")


def breathe() -> None:
    """Let go of Python's lock, for whoever waits for it."""
    time.sleep(BREATH)


def breathing(values: Iterable[T], at_once: int) -> Iterator[T]:
    """Yield them, and let go of Python's lock after each so many.

    Not after fewer: to put a thread to sleep and wake the other takes as long as to tell a few events.
    """
    for number, value in enumerate(values, 1):
        yield value
        if not number % at_once:
            breathe()
