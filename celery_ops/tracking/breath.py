"""A thread that computes keeps the others from Python's lock for up to 5 milliseconds: ours lets go in between.

Not where one task runs at a time: to hand the lock to and fro costs it more than to wait for a write.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

#: Seconds that are slept: enough for who waits to take the lock. ``sleep(0)`` would take it again at once.
BREATH: Final = 1e-6

T = TypeVar("T")


class _Process:
    """Whether somebody may wait in this process who has not a moment."""

    is_shared = True


def one_at_a_time() -> None:
    """Let nothing be done in breaths from now on: this process runs one task after the other."""
    _Process.is_shared = False


def breathe() -> None:
    """Let go of Python's lock, for whoever waits for it."""
    if _Process.is_shared:
        time.sleep(BREATH)


def breathing(values: Iterable[T], at_once: int) -> Iterable[T]:
    """Return them, and let go of Python's lock after each so many.

    Not after fewer: to put a thread to sleep and wake the other takes as long as to tell a few events.
    """
    return _in_breaths(values, at_once) if _Process.is_shared else values


def _in_breaths(values: Iterable[T], at_once: int) -> Iterator[T]:
    for number, value in enumerate(values, 1):
        yield value
        if not number % at_once:
            breathe()
