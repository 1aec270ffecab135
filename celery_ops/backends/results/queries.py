"""The queries of lists as Django compiled them before, and rows as they were read before.

A list that is looked at again asks the same and is mostly told the same. To build a query and make values of its rows
takes Python longer than the database needs. The question is asked each time: a row that differs in anything is another.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Model, QuerySet

from .rows import ListedRow, Rows

#: Compiled queries, and rows, that a process keeps; those used last.
MOST_QUERIES: Final = 64
MOST_ROWS: Final = 2000


@dataclass(frozen=True)
class ListQuery:
    """A query that ``for_list`` made, with its SQL: None where no row can match."""

    rows: Rows
    sql: str | None
    values: Sequence[Any] = ()
    names: tuple[str, ...] = ()
    expressions: tuple[Any, ...] = ()

    @classmethod
    def of(cls, rows: Rows) -> "ListQuery":
        compiler = rows.query.get_compiler(using=rows.db)
        try:
            sql, values = compiler.as_sql()
        except EmptyResultSet:
            return cls(rows, None)
        expressions = tuple(expression for expression, *_sql in compiler.select[: compiler.col_count])
        return cls(rows, sql, values, tuple(rows.query.selected or ()), expressions)

    @cached_property
    def keys(self) -> "ListQuery":
        """The query of nothing but the ids and states of these rows."""
        return ListQuery.of(self.rows.values("id", "status"))

    def fetch(self) -> list[ListedRow]:
        """Ask the database, and return the rows."""
        return rows_before.read(self, self.ask())

    def ask(self) -> Sequence[tuple[Any, ...]]:
        """Return what the database answers."""
        if self.sql is None:
            return []
        with connections[self.rows.db].cursor() as cursor:
            cursor.execute(self.sql, self.values)
            return cursor.fetchall()

    def made(self, answers: Sequence[tuple[Any, ...]]) -> list[ListedRow]:
        """Return the rows of what a database answered, as Django makes them."""
        compiler = self.rows.query.get_compiler(using=self.rows.db)
        rows = compiler.apply_converters(answers, compiler.get_converters(self.expressions))
        return [ListedRow(zip(self.names, row, strict=True)) for row in rows]


def place_of(table: QuerySet[Model, Any]) -> tuple[Hashable, ...]:
    """Return what SQL and the values of rows depend on, beside what is asked."""
    connection = connections[table.db]
    zone = settings.USE_TZ, settings.TIME_ZONE, connection.timezone_name
    return table.db, connection.vendor, table.model, table.model._meta.db_table, zone


class Queries:
    """The queries that a process has compiled, each by all that it asks."""

    def __init__(self, most: int = MOST_QUERIES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._queries: OrderedDict[Hashable, ListQuery] = OrderedDict()

    def get(self, key: tuple[Hashable, ...] | None, make: Callable[[], Rows]) -> ListQuery:
        """Return the query that ``make`` makes, compiled once for each key; without one it is seldom the same."""
        if key is None:
            return ListQuery.of(make())
        with self._lock:
            query = self._queries.get(key)
            if query is not None:
                self._queries.move_to_end(key)
                return query
        query = ListQuery.of(make())
        with self._lock:
            self._queries[key] = query
            while len(self._queries) > self._most:
                self._queries.popitem(last=False)
        return query

    def forget(self) -> None:
        with self._lock:
            self._queries.clear()


class RowsBefore:
    """The rows that were made last, each by all that the database says of it."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._rows: OrderedDict[Hashable, ListedRow] = OrderedDict()

    def read(self, query: ListQuery, answers: Sequence[tuple[Any, ...]]) -> list[ListedRow]:
        """Return the rows of what a query was answered: those of the same answer before, and the others made."""
        place = (place_of(query.rows), query.names)
        keys = [(place, answer) for answer in answers]
        with self._lock:
            kept = [self._rows.get(key) for key in keys]
        missing = [number for number, row in enumerate(kept) if row is None]
        made = iter(query.made([answers[number] for number in missing])) if missing else iter(())
        rows = [next(made) if row is None else row for row in kept]
        self._keep(dict(zip(keys, rows, strict=True)))
        return rows

    def _keep(self, rows: dict[Hashable, ListedRow]) -> None:
        with self._lock:
            for key, row in rows.items():
                self._rows[key] = row
                self._rows.move_to_end(key)
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._rows.clear()


queries: Final = Queries()
rows_before: Final = RowsBefore()
