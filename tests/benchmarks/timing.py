"""Times side by side: several rounds in turn, so that a drift of the machine meets all."""

import os
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

#: ``--quick``: whether it works, not how fast it is.
IS_QUICK = bool(os.environ.get("BENCHMARK_QUICK"))
Number = TypeVar("Number", int, float)


def sized(full: Number, quick: Number) -> Number:
    """Return how many rows, rounds or workers this run takes."""
    return quick if IS_QUICK else full


def milliseconds(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    begin = clock()
    call()
    return (clock() - begin) * 1000


def in_turn(
    *calls: Callable[[], Any], rounds: int, warm: int = 1, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Return the milliseconds of each call in each round, after ``warm`` rounds that do not count.

    Each round has an order of its own: whoever comes after a call that reads much finds no cache warm.
    """
    samples: list[list[float]] = [[] for _ in calls]
    turns, order = [*zip(calls, samples, strict=True)], random.Random(1)  # the same orders in every run
    for number in range(warm + rounds):
        for call, taken in order.sample(turns, len(turns)):
            spent = milliseconds(call, clock)
            if number >= warm:
                taken.append(spent)
    return samples
