"""Tasks by a text: names, objects and the beginnings of ids through their indexes, all else among the newest."""

from collections.abc import Iterator
from functools import cache, reduce
from operator import or_
from typing import Any, Final

from celery.states import EXCEPTION_STATES
from django.db import connections
from django.db.models import Model, Q, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...databases import storable
from ...task_query import TaskQuery
from .conditions import Condition, Conditions
from .orders import Order
from .rows import SEARCHED, Row, written
from .texts import Reader

#: Of the tasks that match the other filters, how many have the middles of their ids, and their words, looked at.
NEWEST: Final = 20_000
#: Characters of the longest text that can be anywhere.
LONGEST_TEXT: Final = SEARCHED
#: Seconds for which one search reads words that no earlier one has read.
SECONDS: Final = 1.0


class TextSearch:
    """A text that is no whole id, and the newest rows that match else, which are looked at one by one.

    ``named`` is the condition of the names that have the text as a part.
    """

    def __init__(
        self, query: TaskQuery, order: Order, named: Condition, table: QuerySet[Model], conditions: Conditions
    ) -> None:
        self.query, self.named = query, named
        self.shows_payload = cache(query.searches_payload)
        self.vendor = connections[table.db].vendor
        columns = {"id", "task_name", "status", "written", *order.columns}
        rows = table.filter(conditions.q()).annotate(written=written())
        newest = rows.order_by("-id").values(*columns)[: NEWEST + 1]
        self.newest: list[Row] = list(newest)
        self.is_all = len(self.newest) <= NEWEST
        del self.newest[NEWEST:]
        self.reader = Reader(table, SECONDS)

    def q(self, hits: list[int]) -> Q:
        """Return the condition of the rows that are meant; ``hits`` are those that ``hits`` found."""
        column, lookup, value = self.named
        conditions = [Q(**{f"{column}__{lookup}": value})] if value else []
        if self.query.names:
            conditions.append(Q(task_name__in=storable(self.query.names)))
        if self.query.ids:
            conditions.append(Q(task_id__in=storable(self.query.ids)))
        text = self.query.text
        ids = [_begins(beginning, self.vendor) for beginning in {text, text.lower()}]
        ids.append(Q(id__gte=self._first) & Q(task_id__icontains=text))
        conditions.append(reduce(or_, ids) & _in_letters(text, self.vendor))
        if hits:
            conditions.append(Q(id__in=hits))
        return reduce(or_, conditions)

    @property
    def _first(self) -> int:
        """The id of the oldest row that is looked at."""
        return self.newest[-1]["id"]

    def hits(self, walk: Order, begin: tuple[Any, ...] | None, number: int) -> list[int]:
        """Return the ids of the first rows after a key of which what is shown says the text."""
        rows = filter(self._has_words, walk.sorted(self.newest, begin))
        return [id for id, _number in zip(self._ids_with_text(list(rows)), range(number), strict=False)]

    def _has_words(self, row: Row) -> bool:
        return row["status"] in EXCEPTION_STATES or self.shows_payload(row["task_name"] or "")

    def _ids_with_text(self, rows: list[Row]) -> Iterator[int]:
        wanted = self.query.text.lower()
        for row, shown in self.reader.read(rows):
            words = shown.payload if self.shows_payload(row["task_name"] or "") else shown.error_class
            if wanted in words:
                yield row["id"]

    @property
    def notes(self) -> tuple[str, ...]:
        if self.reader.missed:
            number = number_format(len(self.newest) - self.reader.missed, force_grouping=True)
            text = ngettext(
                "The error and arguments of %(number)s task were searched so far. Search once more to look further.",
                "Errors and arguments of %(number)s tasks were searched so far. Search once more to look further.",
                len(self.newest) - self.reader.missed,
            )
        elif not self.is_all:
            number = number_format(NEWEST, force_grouping=True)
            text = self._newest_only
        else:
            return ()
        return (text % {"number": number},)

    @property
    def _newest_only(self) -> str:
        if self.query.searches_arguments:
            return _("Errors, arguments and the middles of ids were searched in the newest %(number)s of these tasks.")
        return _("Errors and the middles of ids were searched in the newest %(number)s of these tasks.")


def _begins(text: str, vendor: str) -> Q:
    """The condition that an id begins with a text, in the form for which each database uses the index."""
    if vendor == "sqlite":
        return Q(task_id__range=(text, text + "\U0010ffff"))
    return Q(task_id__istartswith=text) if vendor == "mysql" else Q(task_id__startswith=text)


def _in_letters(text: str, vendor: str) -> Q:
    """The condition that an id has the very letters of a text: MySQL and MariaDB take é for e."""
    if vendor != "mysql" or text.isascii():
        return Q()
    return Q(task_id__contains=text) | Q(task_id__contains=text.lower())
