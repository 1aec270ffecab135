"""The orders of a list, each along an index, and the keys by which a page is found again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Coalesce

from ...exceptions import BadCursor
from ...task_query import TaskQuery
from .conditions import EARLIEST, LATEST
from .pages import MARK
from .rows import Row

HIGHEST_ID: Final = 2**63 - 1
EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Order:
    """By one indexed column, and by id where that is not unique.

    A row's id says when it was created, and a walk along it is the quickest. Rows of a stretch of time are walked by
    their date of creation, so that the walk begins where the stretch does.
    """

    column: str
    descending: bool

    @classmethod
    def of(cls, query: TaskQuery) -> "Order":
        if query.sort.lstrip("-") == "finished":
            column = "date_done"
        else:
            column = "date_created" if query.since or query.until else "id"
        return cls(column, query.sort.startswith("-"))

    @property
    def reversed(self) -> "Order":
        return replace(self, descending=not self.descending)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("id",) if self.column == "id" else (self.column, "id")

    @property
    def by(self) -> list[str]:
        """For ``order_by``."""
        return [f"-{column}" if self.descending else column for column in self.columns]

    @property
    def by_sorting(self) -> list[Any]:
        """For ``order_by``, where no index is to be walked."""
        values = [Coalesce(column, column) for column in self.columns]
        return [value.desc() if self.descending else value.asc() for value in values]

    def key(self, row: Row) -> tuple[int, ...]:
        return tuple(_number(row[column]) for column in self.columns)

    def sorted(self, rows: list[Row], begin: tuple[Any, ...] | None) -> list[Row]:
        """Return rows, which come with the highest id first, in this order and after a key."""
        if self.column == "id":
            in_order = rows if self.descending else rows[::-1]
            after = [row for row in in_order if (row["id"] < begin[0]) == self.descending] if begin else in_order
            return [row for row in after if begin is None or row["id"] != begin[0]]
        in_order = sorted(rows, key=self.key, reverse=self.descending)
        if begin is None:
            return in_order
        place = tuple(begin)
        return [row for row in in_order if (self.key(row) < place if self.descending else self.key(row) > place)]

    @property
    def end(self) -> tuple[int, ...]:
        """The key after every other."""
        moment, id = (EARLIEST, 0) if self.descending else (LATEST, HIGHEST_ID)
        return (id,) if self.column == "id" else (_number(moment), id)

    def has(self, key: tuple[Any, ...]) -> bool:
        """Return whether a key is one of this order's. Raises BadCursor for what is none of its rows'."""
        if key[0] == MARK:
            return False
        bounds = [(_number(EARLIEST), _number(LATEST)), (0, HIGHEST_ID)][-len(self.columns) :]
        if len(key) != len(bounds) or not all(map(_is_within, key, bounds)):
            raise BadCursor("not a cursor of this list")
        return True

    def after(self, key: tuple[Any, ...]) -> Q:
        """Return the condition of the rows after ``key``."""
        beyond = "lt" if self.descending else "gt"
        after = Q(**{f"id__{beyond}": key[-1]})
        if self.column == "id":
            return after
        moment = _moment(key[0])
        return Q(**{f"{self.column}__{beyond}e": moment}) & (Q(**{f"{self.column}__{beyond}": moment}) | after)


def _number(value: Any) -> int:
    """A key's part as JSON carries it: an id, or microseconds as the column has them."""
    if isinstance(value, int):
        return value
    return (value.replace(tzinfo=value.tzinfo or timezone.utc) - EPOCH) // MICROSECOND


def _moment(number: int) -> datetime:
    moment = EPOCH + number * MICROSECOND
    return moment if settings.USE_TZ else moment.replace(tzinfo=None)


def _is_within(part: Any, bounds: tuple[int, int]) -> bool:
    return type(part) is int and bounds[0] <= part <= bounds[1]
