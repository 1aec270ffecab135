"""What a list of tasks is asked for and answers with, and the answer over plain values.

A backend with an index of its own, as a database has, answers a ``TaskQuery`` itself. Every other one hands over its
tasks, and ``page_of`` and ``counts_of`` do the rest in memory.
"""

import base64
import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from .exceptions import BadCursor
from .info import TaskInfo
from .timezones import milliseconds

NEWEST_FIRST: Final = "-created"
OLDEST_FIRST: Final = "created"
LAST_FINISHED_FIRST: Final = "-finished"
FIRST_FINISHED_FIRST: Final = "finished"
LAST_STARTED_FIRST: Final = "-started"
FIRST_STARTED_FIRST: Final = "started"

#: The orders by seconds of CPU and by memory.
BY_COST: Final = ("-cpu", "cpu", "-memory", "memory")

#: Milliseconds since the epoch, in the key of a task whose time is unknown: after every other, and a plain JSON number.
UNKNOWN: Final = 2**62
#: The key after every other.
END: Final = (UNKNOWN + 1, "")


def shown_to_all(task_name: str) -> bool:
    """Grant the payload of every task."""
    return True


def as_they_are(tasks: list[TaskInfo]) -> list[TaskInfo]:
    """Say no more of tasks than their source does."""
    return tasks


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks, in which order. Empty means all.

    ``text`` is a whole task id, or a part of an id, of a name or of an error's class; when ``searches_arguments`` also
    a part of what a page shows of the arguments and the error of tasks whose name ``shows_payload`` grants. ``names``
    are the names of tasks, and ``ids`` those tasks, that the text means beside: by their labels and their objects.
    ``name`` is a part of a task's name, without regard to case; ``worker`` and ``queue`` are whole names; ``since`` and
    ``until`` bound the creation, both inclusive. ``among`` are the ids of which it is one, None for all. ``completes``
    says of tasks what hides in their errors, before these are searched in memory.
    """

    text: str = ""
    states: tuple[str, ...] = ()
    name: str = ""
    worker: str = ""
    queue: str = ""
    since: datetime | None = None
    until: datetime | None = None
    sort: str = NEWEST_FIRST
    searches_arguments: bool = False
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    among: tuple[str, ...] | None = None
    shows_payload: Callable[[str], bool] = field(default=shown_to_all, compare=False, repr=False)
    completes: Callable[[list[TaskInfo]], list[TaskInfo]] = field(default=as_they_are, compare=False, repr=False)

    @property
    def is_filtered(self) -> bool:
        return self != TaskQuery(sort=self.sort, searches_arguments=self.searches_arguments)

    def searches_payload(self, task_name: str) -> bool:
        """Return whether the text may be looked for in the payload of tasks of this name."""
        return self.searches_arguments and self.shows_payload(task_name)


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Some tasks and the cursors of the pages around them; ``notes`` say what the search left out, translated."""

    tasks: tuple[TaskInfo, ...]
    next: str | None = None
    previous: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are, or at least are when counting stopped there."""

    number: int
    capped: bool = False

    def and_(self, other: "Count") -> "Count":
        return Count(self.number + other.number, self.capped or other.capped)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks there are in each state, whatever states the query asks for, and in all."""

    all: Count
    states: Mapping[str, Count] = field(default_factory=dict)

    def and_(self, others: "Counts") -> "Counts":
        """Return the counts of both, which have no task in common."""
        states = {state: self.of(state).and_(others.of(state)) for state in {**self.states, **others.states}}
        return Counts(self.all.and_(others.all), states)

    def of(self, state: str) -> Count:
        """Return how many are in a state."""
        return self.states.get(state, Count(0))


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: the key of the row beside which the page begins, and on which side of it."""

    key: tuple[Any, ...]
    before: bool = False

    def encoded(self) -> str:
        text = json.dumps([int(self.before), *self.key], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    @classmethod
    def decoded(cls, text: str) -> "Cursor":
        """Return the cursor that ``encoded`` wrote as ``text``. Raises BadCursor."""
        try:
            before, *key = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        except (ValueError, TypeError, RecursionError) as error:
            raise BadCursor("not a cursor") from error
        if before not in (0, 1) or not key or not all(isinstance(part, (str, int, float)) for part in key):
            raise BadCursor("not a cursor")
        return cls(tuple(key), bool(before))


# -- over plain values ------------------------------------------------------------------------------------------------


#: Return a task's arguments and error as a page may show them: what is hidden there must not be found either.
Arguments = Callable[[TaskInfo], str]


def page_of(
    tasks: Iterable[TaskInfo], query: TaskQuery, *, arguments: Arguments, cursor: str = "", size: int = 25
) -> TaskPage:
    """Return the page of ``tasks`` that the query and the cursor ask for. Raises BadCursor."""
    key = key_of(query.sort)
    ordered = sorted(matching(tasks, query, arguments=arguments), key=key)
    begin = 0
    if cursor:
        place = Cursor.decoded(cursor)
        at = _checked(place.key)
        after = bisect_right(ordered, at, key=key)
        begin = max(0, bisect_left(ordered, at, key=key) - size) if place.before else after
    shown = ordered[begin : begin + size]
    next_cursor = previous_cursor = None
    if shown and begin + size < len(ordered):
        next_cursor = Cursor(key(shown[-1])).encoded()
    if begin > 0:
        previous_cursor = Cursor(key(shown[0]) if shown else END, before=True).encoded()
    return TaskPage(tuple(shown), next=next_cursor, previous=previous_cursor)


def counts_of(tasks: Iterable[TaskInfo], query: TaskQuery, *, arguments: Arguments) -> Counts:
    """Return how many of ``tasks`` match in each state, and in all, whatever states the query asks for."""
    every = replace(query, states=())
    numbers = Counter(task.state for task in matching(tasks, every, arguments=arguments))
    return Counts(Count(sum(numbers.values())), {state: Count(number) for state, number in numbers.items()})


def matching(tasks: Iterable[TaskInfo], query: TaskQuery, *, arguments: Arguments) -> list[TaskInfo]:
    """Return the tasks that match, each id once; a text that is a whole id means that task, whatever else is asked."""
    unique: dict[str, TaskInfo] = {}
    for task in tasks:
        unique.setdefault(task.id, task)
    named = unique.get(query.text) if query.text else None
    return [named] if named else [task for task in unique.values() if matches(task, query, arguments)]


def key_of(sort: str) -> Callable[[TaskInfo], tuple[float, str]]:
    """Return what orders tasks: a number, negative for the greatest first, and the id; what is unknown comes last.

    Of times it is milliseconds since the epoch, of CPU milliseconds, of memory bytes.
    """
    name, sign = sort.lstrip("-"), -1 if sort.startswith("-") else 1
    number_of = _NUMBERS.get(name, _NUMBERS["created"])

    def key(task: TaskInfo) -> tuple[float, str]:
        number = number_of(task)
        return UNKNOWN if number is None else sign * number, task.id

    return key


_NUMBERS: Final[Mapping[str, Callable[[TaskInfo], int | None]]] = {
    "created": lambda task: milliseconds(task.created_at),
    "started": lambda task: milliseconds(task.started_at),
    "finished": lambda task: milliseconds(task.finished_at),
    "cpu": lambda task: None if task.cpu_seconds is None else round(task.cpu_seconds * 1000),
    "memory": lambda task: task.peak_memory,
}


def _checked(key: tuple[Any, ...]) -> tuple[float, str]:
    if len(key) != 2 or not isinstance(key[0], (int, float)) or not isinstance(key[1], str):
        raise BadCursor("not a cursor of this list")
    return key[0], key[1]


def matches(task: TaskInfo, query: TaskQuery, arguments: Arguments) -> bool:
    """Return whether one task is among those that the query asks for; an unknown time is within no bound.

    A task that somebody without this app has published counts from when its source first heard of it.
    """
    seen = task.seen_at
    return (
        (not query.states or task.state in query.states)
        and query.name.lower() in task.name.lower()
        and query.worker in ("", task.worker)
        and query.queue in ("", task.queue)
        and (query.among is None or task.id in query.among)
        and (query.since is None or (seen is not None and seen >= query.since))
        and (query.until is None or (seen is not None and seen <= query.until))
        and _says(task, query, arguments)
    )


def _says(task: TaskInfo, query: TaskQuery, arguments: Arguments) -> bool:
    wanted = query.text.lower()
    if any(wanted in text.lower() for text in (task.id, task.name, task.error_class)):
        return True
    if task.name in query.names or task.id in query.ids:
        return True
    return query.searches_payload(task.name) and wanted in arguments(task).lower()
