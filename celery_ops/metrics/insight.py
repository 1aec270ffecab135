"""What the pages show of the numbers: a stretch of time, the types of tasks, the queues. All raise StoreUnavailable."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from .cells import OTHER
from .reading import Numbers, Pair, Times, added, names, number_of, pairs_beside, periods_of, read, read_each
from .releases import RELEASES_ROW, Release, read_releases
from .rows import ALL, skewed_row, target_of
from .types import types
from .windows import WINDOWS, Window, covering

K = TypeVar("K")


#: Pairs of a task and a queue of which a page of charts says what they did, the busiest of the last weeks.
MOST_PAIRS: Final = 200
MOST_QUEUES: Final = 100


def insight(window: Window, task: str = "", queue: str = "", now: float | None = None) -> Numbers:
    """Return what a task, a queue, a task in a queue or the whole site did in a window. Two round trips."""
    now = time.time() if now is None else now
    known, _others = pairs_beside(window, (), now)
    return _whole(window, _targets(known, task, queue), (), now)[0]


def _targets(known: Iterable[Pair], task: str, queue: str) -> list[str]:
    if task:
        return [target_of(*pair) for pair in _of(known, task, queue)] or [target_of(task, queue)]
    return [target_of("", queue) if queue else ALL]


def _of(known: Iterable[Pair], task: str, queue: str) -> list[Pair]:
    """Return the pairs of a task, a queue, or both, in their order."""
    return [pair for pair in known if task in ("", pair[0]) and queue in ("", pair[1])]


def _whole(
    window: Window, targets: Sequence[str], parts: Iterable[str], now: float
) -> tuple[Numbers, dict[str, Numbers]]:
    """Return what targets did together, slot by slot, and what others did each, without how long that took."""
    start, end = window.bounds(now)
    wanted = [(targets, Times.IN_SLOTS), (parts, Times.LEFT_OUT)]
    whole, others = read_each(window, wanted, start=start, end=end)
    return added([*whole.values()]), others


@dataclass(frozen=True, slots=True)
class Picture:
    """What was done in a window, and by which of the busiest tasks and queues, without how long that took these.

    ``tasks`` and ``queues`` are all that have numbers. ``left_out`` is how many tasks in queues were not read.
    ``skewed`` is how often the task, or any, was published by a clock ahead of its worker's, in the last weeks.
    """

    numbers: Numbers
    by_task: Mapping[str, Numbers]
    by_queue: Mapping[str, Numbers]
    tasks: Sequence[str]
    queues: Sequence[str]
    left_out: int = 0
    releases: Sequence[Release] = ()
    skewed: int = 0


def picture(window: Window, task: str = "", queue: str = "", now: float | None = None) -> Picture:
    """Return what a page of charts shows. Two round trips."""
    now = time.time() if now is None else now
    rows = [RELEASES_ROW, *map(skewed_row, periods_of(window, now))]
    activity, (releases, *skewed) = pairs_beside(window, rows, now)
    active = sorted(activity, key=lambda pair: (-activity[pair], pair))
    pairs = _of(active, task, queue)
    queues = list(dict.fromkeys(name for _task, name in active if name))
    targets = {target_of(*pair): pair for pair in pairs[:MOST_PAIRS]}
    of_queues = {} if task or queue else {target_of("", name): name for name in queues[:MOST_QUEUES]}
    numbers, parts = _whole(window, _targets(active, task, queue), [*targets, *of_queues], now)
    by_queue = {name: parts[target] for target, name in of_queues.items()}
    if task and not queue:
        by_queue = _grouped((name, parts[target]) for target, (_task, name) in targets.items() if name)
    return Picture(
        numbers,
        {} if task else _grouped((name, parts[target]) for target, (name, _queue) in targets.items()),
        by_queue,
        sorted({name for name, _queue in active}),
        sorted(queues),
        max(0, len(pairs) - MOST_PAIRS),
        read_releases(releases),
        sum(number_of(fields.get(task)) if task else sum(map(number_of, fields.values())) for fields in skewed),
    )


def skewed_tasks() -> dict[str, tuple[int, int]]:
    """Return how often each task was published by a clock ahead of its worker's, and how much it did. One round trip.

    Both are of the last weeks.
    """
    window, now = WINDOWS["1h"], time.time()
    activity, rows = pairs_beside(window, [*map(skewed_row, periods_of(window, now))], now)
    skewed: Counter[str] = Counter()
    for row in rows:
        skewed.update({task: number_of(count) for task, count in row.items()})
    done: Counter[str] = Counter()
    for (task, _queue), number in activity.items():
        done[task] += number
    return {task: (number, done[task]) for task, number in skewed.items()}


def _grouped(named: Iterable[tuple[str, Numbers]]) -> dict[str, Numbers]:
    grouped: dict[str, list[Numbers]] = {}
    for name, numbers in named:
        grouped.setdefault(name, []).append(numbers)
    return {name: added(parts) for name, parts in grouped.items()}


def pairs(window: Window, now: float | None = None) -> dict[Pair, Numbers]:
    """Return what each task did in each queue. Two round trips."""
    now = time.time() if now is None else now
    start, end = window.bounds(now)
    by_target = {target_of(*pair): pair for pair in sorted(names(window, now))}
    numbers = read(window, by_target, start=start, end=end)
    return {by_target[target]: kept for target, kept in numbers.items()}


def by_task(window: Window, now: float | None = None) -> Mapping[str, Numbers]:
    """Return what each task did, by its name. Two round trips."""
    return types(window, now).numbers


def by_queue(window: Window, now: float | None = None) -> dict[str, Numbers]:
    """Return what was done in each queue, by its name. Two round trips."""
    return queues_and_site(window, now).queues


class QueuesAndSite(NamedTuple):
    """What was done in each queue, by its name, and in the whole site.

    ``is_partial`` says that tasks were counted together since too many are told apart: their queues are not there.
    """

    queues: dict[str, Numbers]
    site: Numbers
    is_partial: bool


def queues_and_site(window: Window, now: float | None = None) -> QueuesAndSite:
    """Return what was done in each queue and in the whole site. Two round trips."""
    now = time.time() if now is None else now
    start, end = window.bounds(now)
    pairs = names(window, now)
    by_target = {target_of("", queue): queue for _task, queue in sorted(pairs) if queue}
    numbers = read(window, [ALL, *by_target], start=start, end=end)
    by_queue = {queue: numbers[target] for target, queue in by_target.items()}
    return QueuesAndSite(by_queue, numbers[ALL], (OTHER, "") in pairs)


def lately(seconds: float, is_wanted: Callable[[Pair], bool]) -> Mapping[Pair, Numbers]:
    """Return what each task did in each queue in the last ``seconds``, a step more at most. Two round trips.

    Only those pairs of a task and a queue are read that ``is_wanted``.
    """
    return _lately(seconds, lambda pairs: {target_of(*pair): pair for pair in sorted(filter(is_wanted, pairs))})


def queues_lately(seconds: float, is_wanted: Callable[[str], bool]) -> Mapping[str, Numbers]:
    """Return what was done in each queue in the last ``seconds``, as ``lately`` does. Two round trips."""

    def by_target(pairs: Iterable[Pair]) -> dict[str, str]:
        queues = {queue for _task, queue in pairs if queue}
        return {target_of("", queue): queue for queue in sorted(filter(is_wanted, queues))}

    return _lately(seconds, by_target)


def _lately(seconds: float, targets_of: Callable[[Iterable[Pair]], Mapping[str, K]]) -> dict[K, Numbers]:
    now = time.time()
    window = covering(seconds)
    by_target = targets_of(names(window, now))
    numbers = read(window, by_target, start=now - seconds, end=now + 1)
    return {by_target[target]: kept for target, kept in numbers.items()}
