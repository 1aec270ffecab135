"""What the pages show of the numbers: a stretch of time, the types of tasks, the queues. All raise StoreUnavailable."""

import time
from collections.abc import Mapping

from .reading import Numbers, Pair, added, names, read
from .rows import ALL, target_of
from .windows import Window, covering


def insight(window: Window, task: str = "", queue: str = "", now: float | None = None) -> Numbers:
    """Return what a task, a queue, a task in a queue or the whole site did in a window. Two round trips."""
    now = time.time() if now is None else now
    start, end = window.bounds(now)
    known = names(window, now)
    if task:
        targets = [target_of(*pair) for pair in known.of(task, queue)] or [target_of(task, queue)]
    else:
        targets = [target_of("", queue) if queue else ALL]
    return added([*read(window, targets, known, start=start, end=end, in_slots=True).values()])


def pairs(window: Window, now: float | None = None) -> dict[Pair, Numbers]:
    """Return what each task did in each queue. Two round trips."""
    now = time.time() if now is None else now
    start, end = window.bounds(now)
    known = names(window, now)
    by_target = {target_of(*pair): pair for pair in sorted(known.pairs)}
    numbers = read(window, by_target, known, start=start, end=end)
    return {by_target[target]: kept for target, kept in numbers.items()}


def by_task(window: Window, now: float | None = None) -> dict[str, Numbers]:
    """Return what each task did, by its name. Two round trips."""
    grouped: dict[str, list[Numbers]] = {}
    for (task, _queue), numbers in pairs(window, now).items():
        grouped.setdefault(task, []).append(numbers)
    return {task: added(numbers) for task, numbers in grouped.items()}


def by_queue(window: Window, now: float | None = None) -> dict[str, Numbers]:
    """Return what was done in each queue, by its name. Two round trips."""
    now = time.time() if now is None else now
    start, end = window.bounds(now)
    known = names(window, now)
    by_target = {target_of("", queue): queue for _task, queue in sorted(known.pairs) if queue}
    numbers = read(window, by_target, known, start=start, end=end)
    return {by_target[target]: kept for target, kept in numbers.items()}


def lately(seconds: float, now: float | None = None) -> Mapping[Pair, Numbers]:
    """Return what each task did in each queue in the last ``seconds``, a step more at most. Two round trips."""
    now = time.time() if now is None else now
    window = covering(seconds)
    known = names(window, now)
    by_target = {target_of(*pair): pair for pair in sorted(known.pairs)}
    numbers = read(window, by_target, known, start=now - seconds, end=now + 1)
    return {by_target[target]: kept for target, kept in numbers.items()}
