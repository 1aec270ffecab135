"""Looks as SQL: one statement for all, of which each line says what one look has found."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Final

from django.db import connections
from django.db.models import Model, QuerySet

from .conditions import Conditions
from .looks import Line, RangeLook
from .sql import compiled, hit_of
from .states import OTHERS, STATE

#: Databases whose indexes have each row's primary key.
KEY_IN_INDEX: Final = frozenset({"sqlite", "mysql"})

_LOOK: Final = (
    "SELECT {number} AS look, state, COUNT(hit) AS hits, COUNT(*) AS seen, 0 AS first, 0 AS second,"
    " 0 AS ids, 0 AS last FROM"
    " (SELECT {state} AS state, {hit} AS hit FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
    " GROUP BY state"
)
#: The same of a look whose rows have one status and mean one of two others at most: to group them takes longer.
_LOOK_AT_STATUS: Final = (
    "SELECT {number} AS look, NULL AS state, COUNT(hit) AS hits, COUNT(*) AS seen,"
    " COUNT(first) AS first, COUNT(second) AS second, SUM(id) AS ids, MIN(id) AS last FROM"
    " (SELECT id, {hit} AS hit, {first} AS first, {second} AS second"
    " FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
)
#: The same of rows of which it may be known what they mean: the index tells whether they are still the same.
_LOOK_AT_IDS: Final = (
    "SELECT {number} AS look, NULL AS state, COUNT(*) AS hits, COUNT(*) AS seen, 0 AS first, 0 AS second,"
    " SUM(id) AS ids, MIN(id) AS last FROM"
    " (SELECT id FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
)
#: The same where the index does not have the keys, and to read them takes longer than all else of a page.
_LOOK_AT_NUMBER: Final = (
    "SELECT {number} AS look, NULL AS state, COUNT(*) AS hits, COUNT(*) AS seen, 0 AS first, 0 AS second,"
    " NULL AS ids, 0 AS last FROM"
    " (SELECT 1 AS hit FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
)
#: And of a look that stopped: whether the row is still there at which it did.
_LOOK_AT_LAST: Final = (
    "SELECT {number} AS look, NULL AS state, {most} AS hits, {most} AS seen, 0 AS first, 0 AS second,"
    " 0 AS ids, id AS last FROM {table} WHERE {rows} AND id = %s"
)
#: The same of a look that only tells how many rows there are.
_COUNTING_LOOK: Final = (
    "SELECT {number} AS look, NULL AS state, 0 AS hits, COUNT(*) AS seen, 0 AS first, 0 AS second,"
    " 0 AS ids, 0 AS last FROM"
    " (SELECT 1 AS hit FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
)

#: SQL and its values.
Expression = tuple[str, list[Any]]
#: What no row means.
_NONE: Final[Expression] = ("NULL", [])


def lines_of(looks: Sequence[RangeLook], table: QuerySet[Model], conditions: Conditions) -> list[Line]:
    """Ask the database for all looks at once."""
    if conditions:
        sql, values = _statement(table, conditions, looks)
    else:
        sql, values = _of_all(table.db, connections[table.db].vendor, table.model, tuple(looks))
    with connections[table.db].cursor() as cursor:
        cursor.execute(sql, values)
        return [Line._make(row) for row in cursor.fetchall()]


def _statement(table: QuerySet[Model], conditions: Conditions, looks: Sequence[RangeLook]) -> Expression:
    statements = Statements(table, conditions)
    parts, values = zip(*(statements.of(number, look) for number, look in enumerate(looks)), strict=True)
    return " UNION ALL ".join(parts), list(chain(*values))


@lru_cache(maxsize=16)
def _of_all(using: str, vendor: str, model: Any, looks: tuple[RangeLook, ...]) -> Expression:
    """The statement that counts without a condition, as a list does that nobody has filtered: it is often the same."""
    return _statement(model._base_manager.using(using), Conditions(), looks)


class Statements:
    """Looks at one table as SQL, with its values."""

    def __init__(self, table: QuerySet[Model], conditions: Conditions) -> None:
        self.table, self.conditions = table, conditions
        self.connection = connections[table.db]
        self.hit = hit_of(table, conditions.q())
        self.quoted_table = self.connection.ops.quote_name(table.model._meta.db_table)
        self.quoted_columns: dict[str, str] = {}

    def of(self, number: int, look: RangeLook) -> Expression:
        bounds, named = self._bounds(look), self._named(number, look)
        if look.only_counts:
            return _COUNTING_LOOK.format(**named), bounds
        if look.known and look.known.rows >= look.limit:
            return _LOOK_AT_LAST.format(most=look.limit, **named), [*bounds, look.known.last]
        if look.known:
            has_keys = self.connection.vendor in KEY_IN_INDEX
            return (_LOOK_AT_IDS if has_keys else _LOOK_AT_NUMBER).format(**named), bounds
        hit, values = self.hit
        place = (self.table.db, self.connection.vendor, self.table.model)
        if look.status is None:
            state, state_values = _state(*place) if look.column != "status" else (named["column"], [])  # its own
            return _LOOK.format(state=state, hit=hit, **named), [*state_values, *values, *bounds]
        others = [self._other(*meant) for meant in _others(*place).get(look.status, ())]
        (first, first_values), (second, second_values) = (*others, _NONE, _NONE)[:2]
        sql = _LOOK_AT_STATUS.format(hit=hit, first=first, second=second, **named)
        return sql, [*values, *first_values, *second_values, *bounds]

    def _other(self, meant: str, values: list[Any]) -> Expression:
        hit, hit_values = self.hit
        return f"CASE WHEN {meant} THEN {hit} END", [*values, *hit_values]

    def _named(self, number: int, look: RangeLook) -> dict[str, Any]:
        column = self._column(look.column)
        return {
            "number": number,
            "table": self.quoted_table,
            "rows": " AND ".join([f"{column} {operator} %s" for operator, _value in look.bounds]),
            "column": column,
            "limit": self.connection.ops.limit_offset_sql(0, look.limit),
        }

    def _column(self, name: str) -> str:
        if name not in self.quoted_columns:
            field: Any = self.table.model._meta.get_field(name)  # one that has a column
            self.quoted_columns[name] = self.connection.ops.quote_name(field.column)
        return self.quoted_columns[name]

    def _bounds(self, look: RangeLook) -> list[Any]:
        adapted = self.connection.ops.adapt_datetimefield_value
        return [adapted(value) if isinstance(value, datetime) else value for _operator, value in look.bounds]


@cache
def _state(using: str, vendor: str, model: type) -> Expression:
    return compiled(using, model, STATE, is_qualified=False)


@cache
def _others(using: str, vendor: str, model: type) -> dict[str, list[Expression]]:
    """The conditions of ``OTHERS``, by status."""
    expressions = {}
    for status, others in OTHERS.items():
        expressions[status] = [compiled(using, model, meant, is_qualified=False) for meant in others.values()]
    return expressions
