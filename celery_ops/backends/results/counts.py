"""How many tasks there are in each state, from as many small looks as there are indexes to look through.

Each look reads a bounded number of rows along one index: those of one state, of a name, of a worker, or of a stretch
of time. It counts those among them that match. A look that comes to its end is exact, and of the others the one that
has counted most says "at least". So the cost has a bound, whatever the filters are and however many rows there are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import chain, pairwise
from typing import Any, Final

from django.db import connections
from django.db.models import QuerySet

from ... import states
from ...task_query import Count, Counts
from .conditions import Conditions
from .sql import compiled, hit_of
from .states import OTHERS, STATE

#: Rows that a look reads where the index of the states alone tells everything.
READ_IN_INDEX: Final = 10_000
#: Rows that a look reads from the table.
READ_IN_TABLE: Final = 1_000
#: With more names than this, there is no look through the names.
MOST_NAMES: Final = 10

STATES: Final = tuple(sorted(set(states.ALL) - {states.LOST}))

_LOOK: Final = (
    "SELECT {number} AS look, state, COUNT(hit) AS hits, COUNT(*) AS found FROM"
    " (SELECT {state} AS state, {hit} AS hit FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
    " GROUP BY state"
)
#: The same of a look whose rows have one state: to group them takes longer than to read them.
_PLAIN_LOOK: Final = (
    "SELECT {number} AS look, NULL AS state, COUNT(hit) AS hits, COUNT(*) AS found FROM"
    " (SELECT {hit} AS hit FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
)


#: Operators and values of a range.
Bounds = tuple[tuple[str, Any], ...]


def at(value: str) -> Bounds:
    """Return one value as a range: of an equality, a planner knows that the order says nothing, and walks elsewhere."""
    return (">=", value), ("<=", value)


def gaps() -> list[Bounds]:
    """Return the ranges between Celery's states, in which those of the site's own are."""
    between: list[Bounds] = [((">", low), ("<", high)) for low, high in pairwise(STATES)]
    return [*between, (("<", STATES[0]),), ((">", STATES[-1]),)]


@dataclass(frozen=True, slots=True)
class Look:
    """At most ``limit`` rows of a range, along the column's index."""

    column: str
    bounds: Bounds
    limit: int

    @classmethod
    def at(cls, column: str, value: str, limit: int) -> "Look":
        return cls(column, at(value), limit)

    @property
    def is_plain(self) -> bool:
        """Whether each row means its status: then the index alone tells it."""
        return self.column == "status" and self.state not in OTHERS

    @property
    def state(self) -> str | None:
        """The one state that its rows have, None where they may have several."""
        ends = {value for operator, value in self.bounds if operator in (">=", "<=")}
        return next(iter(ends)) if self.column == "status" and len(ends) == 1 else None


@dataclass(slots=True)
class Seen:
    """How many rows of each state match, and whether they are all."""

    hits: Counter[str] = field(default_factory=Counter)
    is_whole: bool = True

    @classmethod
    def together(cls, seen: Sequence["Seen"]) -> "Seen":
        """What looks that have no row in common have seen."""
        hits = Counter[str]()
        for look in seen:
            hits.update(look.hits)
        return cls(hits, all(look.is_whole for look in seen))


def counts_of(table: QuerySet, conditions: Conditions) -> Counts:
    """Return the counts of the rows for which the conditions hold, in one query."""
    by_state = _looks_by_state(READ_IN_TABLE if conditions else READ_IN_INDEX)
    by_filter = _looks_by_filter(conditions)
    looked = iter(_look([*by_state, *chain(*by_filter)], table, conditions))
    in_states = [next(looked) for _look in by_state]
    in_filters = [Seen.together([next(looked) for _look in looks]) for looks in by_filter]
    own = {state: [seen] for seen in in_states for state in seen.hits}
    own |= {state: _seen_of(state, in_states) for state in STATES}
    return Counts(
        _best([Seen.together(in_states), *in_filters]),
        {state: _best([Seen.together(seen), *in_filters], state) for state, seen in own.items()},
    )


def _seen_of(state: str, in_states: Sequence[Seen]) -> list[Seen]:
    """What was seen of a state under its own name, and under others where there was something."""
    by_status = dict(zip(STATES, in_states, strict=False))
    others = [by_status[status] for status, hidden in OTHERS.items() if state in hidden]
    return [by_status[state], *(seen for seen in others if seen.hits[state])]


def _looks_by_state(limit: int) -> list[Look]:
    """One look for each of Celery's states, and then one between each two of them, for those of the site's own."""
    return [Look.at("status", state, limit) for state in STATES] + [Look("status", gap, limit) for gap in gaps()]


def _looks_by_filter(conditions: Conditions) -> list[list[Look]]:
    """The looks through the index of each filter."""
    found = []
    for column, lookup, value in conditions.on("task_name", "worker").all:
        if lookup == "in" and len(value) <= MOST_NAMES:
            found.append([Look.at(column, each, READ_IN_TABLE // len(value)) for each in value])
    if dates := conditions.on("date_created").all:
        bounds = tuple((">=" if lookup == "gte" else "<=", value) for _column, lookup, value in dates)
        found.append([Look("date_created", bounds, READ_IN_TABLE)])
    return found


def _look(looks: list[Look], table: QuerySet, conditions: Conditions) -> list[Seen]:
    """Ask the database for all looks at once."""
    connection = connections[table.db]
    hit, hit_values = hit_of(table, conditions.q())
    meant = _meant(table.db, connection.vendor, table.model)
    status = connection.ops.quote_name(table.model._meta.get_field("status").column)
    values: list[Any] = []
    parts = []
    for number, look in enumerate(looks):
        state, state_values = meant
        if look.is_plain:
            state, state_values = status, []
        parts.append(_sql(number, look, state, hit, table, connection))
        values += [*state_values, *hit_values, *(_adapted(connection, value) for _operator, value in look.bounds)]
    sql = " UNION ALL ".join(parts)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    seen = [Seen() for _look in looks]
    read = Counter[int]()
    for number, state, hits, found in rows:
        seen[number].hits[looks[number].state if state is None else state] += hits
        read[number] += found
    for number, look in enumerate(looks):
        seen[number].is_whole = read[number] < look.limit
    return seen


@cache
def _meant(using: str, vendor: str, model: type) -> tuple[str, list[Any]]:
    return compiled(using, model, STATE, is_qualified=False)


def _sql(number: int, look: Look, state: str, hit: str, table: QuerySet, connection: Any) -> str:
    operations, meta = connection.ops, table.model._meta
    column = operations.quote_name(meta.get_field(look.column).column)
    sql = _PLAIN_LOOK if look.is_plain and look.state else _LOOK
    return sql.format(
        number=number,
        state=state,
        hit=hit,
        table=operations.quote_name(meta.db_table),
        rows=" AND ".join(f"{column} {operator} %s" for operator, _value in look.bounds),
        column=column,
        limit=operations.limit_offset_sql(0, look.limit),
    )


def _adapted(connection: Any, value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def _best(seen: Sequence[Seen], state: str | None = None) -> Count:
    """Return the number of the look that is exact, or has counted most; of all states when none is named."""
    numbers = [look.hits[state] if state else look.hits.total() for look in seen]
    if any(look.is_whole for look in seen):
        return Count(max(numbers))
    return Count(min(max(numbers), READ_IN_INDEX), capped=True)
