"""Letting go of Python's lock: a thread that computes keeps the others from it for up to 5 milliseconds.

Ours lets go of it in between, but not where one task runs at a time: to hand the lock to and fro costs that task more
than to wait for a write.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

#: Seconds that are slept: enough for who waits to take the lock. ``sleep(0)`` would take it again at once.
PAUSE: Final = 1e-6

T = TypeVar("T")


class _Process:
    """Whether another thread of this process may wait for the lock."""

    is_shared = True


def one_at_a_time() -> None:
    """Keep the lock from now on: this process runs one task after the other."""
    _Process.is_shared = False


def let_go() -> None:
    """Let go of the lock, for whoever waits for it."""
    if _Process.is_shared:
        time.sleep(PAUSE)


def letting_go(values: Iterable[T], at_once: int) -> Iterable[T]:
    """Return the values, and let go of the lock after each ``at_once`` of them.

    Not after fewer: to put a thread to sleep and wake the other takes as long as to tell a few events.
    """
    return _with_pauses(values, at_once) if _Process.is_shared else values


def _with_pauses(values: Iterable[T], at_once: int) -> Iterator[T]:
    for number, value in enumerate(values, 1):
        yield value
        if not number % at_once:
            let_go()
