"""What a bulk would take, before it is begun: the tasks that a list's filters find, counted and looked at."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from ..backends.base import TaskBackend
from ..info import TaskInfo
from ..task_query import NEWEST_FIRST, TaskQuery

#: Tasks that a preview counts by name, and seconds that it takes for those after the first page; those that it shows.
PREVIEWED: Final = 10_000
COUNTING: Final = 0.5
SAMPLE: Final = 20
#: Tasks that are counted between two looks at the time: a page of ``TaskBackend.iterate``.
AT_ONCE: Final = 1000
#: Tasks that a preview may look at one by one.
JUDGED: Final = 2000


@dataclass(frozen=True, slots=True)
class TasksOfName:
    """The tasks of one name: how many, and why none of them is taken, empty when some are."""

    name: str
    count: int
    reason: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What a list's filters find. ``is_partial`` says that there are more than were counted.

    ``most`` is how many may be taken by their names and states, ``states`` how many there are in each state;
    ``sample`` has the first tasks and why each is not taken. The first ``judged`` were looked at one by one, and
    ``left_out`` says how many of those are not taken, by the reason.
    """

    count: int
    most: int
    is_partial: bool
    names: tuple[TasksOfName, ...]
    states: Mapping[str, int]
    sample: tuple[tuple[TaskInfo, str], ...]
    judged: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """How many tasks there are of each name and state, and the first of them."""

    numbers: Mapping[tuple[str, str], int]
    first: tuple[TaskInfo, ...]
    is_partial: bool

    @property
    def total(self) -> int:
        return sum(self.numbers.values())

    @property
    def names(self) -> dict[str, int]:
        """How many there are by name, the most frequent first."""
        return self._by(0)

    @property
    def states(self) -> dict[str, int]:
        """How many there are by state, the most frequent first."""
        return self._by(1)

    def _by(self, place: int) -> dict[str, int]:
        summed: Counter[str] = Counter()
        for key, number in self.numbers.items():
            summed[key[place]] += number
        return dict(summed.most_common())


def task_counts(backend: TaskBackend, query: TaskQuery, seconds: float = COUNTING) -> TaskCounts:
    """Return what the query finds, up to a bound and for so many seconds at most after the first page.

    Raises BackendUnavailable.
    """
    numbers: Counter[tuple[str, str]] = Counter()
    first: list[TaskInfo] = []
    tasks = backend.iterate(query_of(query, backend))
    until = time.monotonic() + seconds
    while (number := numbers.total()) < PREVIEWED and (not number or time.monotonic() < until):
        some = list(islice(tasks, AT_ONCE))
        numbers.update((task.name, task.state) for task in some)
        first += some[: JUDGED - len(first)]
        if len(some) < AT_ONCE:
            break
    return TaskCounts(dict(numbers), tuple(first), is_partial=next(tasks, None) is not None)


def query_of(query: TaskQuery, backend: TaskBackend) -> TaskQuery:
    """Return the query in the order in which it is gone through: the newest first, so that new tasks come before it."""
    return replace(query, sort=NEWEST_FIRST if NEWEST_FIRST in backend.sorts else backend.sorts[0])
