"""A ``TaskQuery`` as conditions on the columns of django-celery-results."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Final

from django.db.models import Q
from django.utils.hashable import make_hashable

from ... import timezones
from ...databases import storable
from ...task_query import TaskQuery

#: Between these every database and every time zone can say a moment.
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=timezone.utc)
LATEST: Final = datetime(9000, 1, 1, tzinfo=timezone.utc)

#: Longer than the name of any task.
LONGEST_NAME: Final = 1000


#: A column, a lookup of Django's, and its value.
Condition = tuple[str, str, Any]


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of them hold for a row that is wanted, and so does ``state``, the condition of the states that are.

    Rows of those have one of ``statuses``, but for some that ``state`` names by their keys. ``rows`` says how many rows
    the index of a column finds for what is asked of it, where they are few.
    """

    all: tuple[Condition, ...] = ()
    state: Q = field(default_factory=Q)
    statuses: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.all or self.state)

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What tells them from others, but for ``statuses`` and ``rows``, which only say where to look."""
        return (*((column, lookup, make_hashable(value)) for column, lookup, value in self.all), self.state)

    def q(self) -> Q:
        return Q(*(Q(**{f"{column}__{lookup}": value}) for column, lookup, value in self.all)) & self.state

    def narrowest(self, most: int) -> Q | None:
        """Return what is asked of the column of which the index finds fewest rows; None when those are more."""
        column = min(self.rows, key=self.rows.__getitem__, default="")
        if not column or self.rows[column] > most:
            return None
        return self.state if column == "status" else self.on(column).q()

    def on(self, *columns: str) -> "Conditions":
        return Conditions(tuple(condition for condition in self.all if condition[0] in columns))

    def but_on(self, *columns: str) -> "Conditions":
        return replace(self, all=tuple(condition for condition in self.all if condition[0] not in columns))


def conditions_of(query: TaskQuery, names: list[str] | None) -> Conditions | None:
    """Return what the query asks for besides its text and the states, or None when nothing can match.

    ``names`` are those of all tasks; when it is None, the database looks for the part that is asked for.
    """
    conditions: list[Condition] = []
    if query.worker:
        conditions.append(("worker", "in", storable([query.worker])))
    if query.name:
        conditions.append(names_like(query.name, names))
    if query.among is not None:
        conditions.append(("task_id", "in", storable(query.among)))
    if query.since:
        conditions.append(("date_created", "gte", stored(query.since)))
    if query.until:
        conditions.append(("date_created", "lte", stored(query.until)))
    is_possible = not query.queue and all(value != [] for _column, _lookup, value in conditions)
    return Conditions(tuple(conditions)) if is_possible else None


def names_like(part: str, names: list[str] | None) -> Condition:
    """Return the condition that a task's name has a part, without regard to case."""
    if names is not None:
        return "task_name", "in", [name for name in names if part.lower() in name.lower()]
    if len(part) > LONGEST_NAME or not storable([part]):
        return "task_name", "in", []
    return "task_name", "icontains", part


def stored(moment: datetime) -> datetime:
    """Return a moment as the columns say it."""
    return timezones.stored(min(max(moment, EARLIEST), LATEST))
