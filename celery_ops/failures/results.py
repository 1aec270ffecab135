"""Groups by the newest results, for sites where failures are not counted and while the store is away."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from ..backends.base import TaskBackend
from ..info import TaskInfo
from ..metrics.windows import WINDOWS, Window
from ..payload.kept import all_with_kept
from ..states import FAILURE
from ..task_query import LAST_FINISHED_FIRST, TaskQuery
from .fingerprint import Fingerprint
from .group import Detail, Group, Groups
from .members import fingerprint_of
from .tally import SAMPLES, Sample

#: Failed tasks that are read, the newest ones, and how many at once.
NEWEST: Final = 500
AT_ONCE: Final = 250


def stored_groups(backend: TaskBackend, window: Window) -> Groups:
    """Return the groups of the newest 500 failures that a backend lists. Raises BackendUnavailable."""
    start, end = window.bounds(time.time())
    alike = _alike(task for task in _failed(backend) if start <= _at(task) < end)
    groups = [_group(fingerprint, tasks, start, window) for fingerprint, tasks in alike.values()]
    groups.sort(key=lambda group: group.samples[0].at, reverse=True)
    return Groups(groups, limit=NEWEST, start=start, step=window.step)


def stored_detail(backend: TaskBackend, key: str, window: Window) -> Detail | None:
    """Return one group of these, None when there is none of that key. Raises BackendUnavailable."""
    now = time.time()
    start, _end = window.bounds(now)
    fingerprint, tasks = _alike(_failed(backend)).get(key, (None, []))
    if fingerprint is None:
        return None
    counts = {name: sum(_at(task) >= one.bounds(now)[0] for task in tasks) for name, one in WINDOWS.items()}
    return Detail(_group(fingerprint, tasks, start, window), len(tasks), counts, start, window.step, limit=NEWEST)


def _alike(tasks: Iterable[TaskInfo]) -> dict[str, tuple[Fingerprint, list[TaskInfo]]]:
    """Return the tasks that are alike, and what they have in common, by its key."""
    alike: dict[str, tuple[Fingerprint, list[TaskInfo]]] = {}
    for task in tasks:
        if (fingerprint := fingerprint_of(task)) is not None:
            alike.setdefault(fingerprint.key, (fingerprint, []))[1].append(task)
    return alike


def _failed(backend: TaskBackend) -> Iterator[TaskInfo]:
    sort = LAST_FINISHED_FIRST if LAST_FINISHED_FIRST in backend.sorts else backend.sorts[0]
    tasks = islice(_pages(backend, TaskQuery(states=(FAILURE,), sort=sort)), NEWEST)
    while some := list(islice(tasks, AT_ONCE)):
        yield from all_with_kept(backend.complete(some))


def _pages(backend: TaskBackend, query: TaskQuery) -> Iterator[TaskInfo]:
    page = backend.page(query, size=AT_ONCE)
    yield from page.tasks
    while page.next:
        page = backend.page(query, cursor=page.next, size=AT_ONCE)
        yield from page.tasks


def _at(task: TaskInfo) -> float:
    moment = task.finished_at or task.seen_at
    return moment.timestamp() if moment else 0.0


def _group(fingerprint: Fingerprint, tasks: list[TaskInfo], start: int, window: Window) -> Group:
    tasks.sort(key=_at, reverse=True)
    points = [0] * (window.seconds // window.step)
    names: dict[str, int] = {}
    for task in tasks:
        step = (int(_at(task)) - start) // window.step
        if 0 <= step < len(points):
            points[step] += 1
        names[task.name] = names.get(task.name, 0) + 1
    newest, oldest = tasks[0], tasks[-1]
    return Group(
        fingerprint.key,
        fingerprint.exception,
        fingerprint.message,
        fingerprint.frame,
        newest.name,
        sum(points),
        points,
        first_seen=oldest.finished_at or oldest.seen_at,
        last_seen=newest.finished_at or newest.seen_at,
        tasks=dict(sorted(names.items(), key=lambda item: -item[1])),
        samples=[Sample(int(_at(task) * 1000), task.id, task.name) for task in tasks[:SAMPLES]],
    )
