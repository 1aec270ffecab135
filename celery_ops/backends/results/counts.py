"""How many tasks there are in each state, from as many small looks as there are indexes to look through.

Each look reads a bounded number of rows along one index: those of one state, of a name, of a worker, or of a stretch
of time. It counts those among them that match. A look that comes to its end is exact, and of the others the one that
has counted most says "at least". So the cost has a bound, whatever the filters are and however many rows there are.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache
from itertools import chain, islice, pairwise
from typing import Any, Final

from django.db import connections
from django.db.models import QuerySet

from ... import states
from ...task_query import Count, Counts
from .conditions import Conditions
from .places import Place, place
from .sql import compiled, hit_of
from .states import OTHERS, STATE

#: Rows that a look reads where the index of the states alone tells everything.
READ_IN_INDEX: Final = 10_000
#: Rows that a look reads from the table.
READ_IN_TABLE: Final = 1_000
#: Rows up to which an index alone is asked how many it finds for one filter.
MOST_IN_INDEX: Final = 5_000
#: From so many rows of a status on, what they mean is kept for so many seconds.
MANY: Final = 500
SECONDS: Final = 30.0
#: Databases whose indexes have each row's primary key.
KEY_IN_INDEX: Final = frozenset({"sqlite", "mysql"})
#: So many looks are known: of some places, which may be many tenants'.
MOST_KNOWN: Final = 1000
#: With more names than this, there is no look through the names.
MOST_NAMES: Final = 10

STATES: Final = tuple(sorted(set(states.ALL) - {states.LOST}))

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


#: SQL and its values.
Expression = tuple[str, list[Any]]
#: What a look answers: its number, a state, hits, rows, two numbers of hits that mean others, and what ``Known`` has.
Line = tuple[Any, ...]
#: Operators and values of a range.
Bounds = tuple[tuple[str, Any], ...]
#: Whose table of which model is looked at.
Where = tuple[Place, type]


def at(value: str) -> Bounds:
    """Return one value as a range: of an equality, a planner knows that the order says nothing, and walks elsewhere."""
    return (">=", value), ("<=", value)


@cache
def gaps() -> tuple[Bounds, ...]:
    """Return the ranges between Celery's states, in which those of the site's own are."""
    between: list[Bounds] = [((">", low), ("<", high)) for low, high in pairwise(STATES)]
    return (*between, (("<", STATES[0]),), ((">", STATES[-1]),))


@dataclass(frozen=True, slots=True)
class Known:
    """What a look at the rows of a status has found: so many, the sum of their keys, and the last of these.

    ``others`` are how many of them mean each other state.
    """

    rows: int
    ids: Any
    last: int
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RangeLook:
    """At most ``limit`` rows of a range, along the column's index; nothing of them is read where it ``only_counts``.

    What its rows mean is ``known`` since it was made before.
    """

    column: str
    bounds: Bounds
    limit: int
    only_counts: bool = False
    known: Known | None = None

    @classmethod
    def at(cls, column: str, value: str, limit: int) -> "RangeLook":
        return cls(column, at(value), limit)

    def is_the_same(self, rows: int, ids: Any) -> bool:
        """Return whether what is found now is what was known; ``ids`` is None where it would take long to read them."""
        if self.known is None:
            return False
        return rows == self.known.rows and (rows >= self.limit or ids is None or ids == self.known.ids)

    @property
    def status(self) -> str | None:
        """The one status that its rows have, None where they may have several."""
        ends = {value for operator, value in self.bounds if operator in (">=", "<=")}
        return next(iter(ends)) if self.column == "status" and len(ends) == 1 else None


@dataclass(slots=True)
class Seen:
    """How many rows of each state match, of how many that were looked at, and whether they are all."""

    hits: Counter[str] = field(default_factory=Counter)
    is_whole: bool = True
    rows: int = 0

    @classmethod
    def together(cls, seen: Sequence["Seen"]) -> "Seen":
        """What looks that have no row in common have seen."""
        hits = Counter[str]()
        for look in seen:
            hits.update(look.hits)
        return cls(hits, all(look.is_whole for look in seen), sum(look.rows for look in seen))

    def add(self, look: RangeLook, state: str | None, hits: int, rows: int, others: tuple[int, ...]) -> None:
        """Take in a line of a look's answer; ``others`` are those of the hits that mean another state."""
        self.rows += rows
        self.is_whole = self.rows < look.limit
        if look.only_counts:
            return
        if look.status is None:
            self.hits[state] += hits
            return
        self.hits[look.status] += hits - sum(others)
        for other, number in zip(OTHERS.get(look.status, ()), others, strict=False):
            if number:
                self.hits[other] += number


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of the rows that match, and how many rows the index of each filter's column finds, where few."""

    counts: Counts
    rows: Mapping[str, int]


def counted(table: QuerySet, conditions: Conditions) -> Counted:
    """Count the rows for which the conditions hold, in each state; and where some are asked for, each filter's rows.

    All in one query.
    """
    by_state = _looks_by_state(READ_IN_TABLE if conditions.all else READ_IN_INDEX)
    by_filter = _looks_by_filter(conditions, READ_IN_TABLE)
    is_counted = not conditions.all and {*conditions.statuses} <= {*STATES}  # by what is looked at for the states
    by_index = _looks_by_index(conditions) if conditions.statuses and not is_counted else {}
    answers = iter(_look([*by_state, *chain(*by_filter.values(), *by_index.values())], table, conditions))
    in_states = list(islice(answers, len(by_state)))
    in_filters = [Seen.together(list(islice(answers, len(looks)))) for looks in by_filter.values()]
    if conditions.statuses and is_counted:
        in_indexes = {"status": _rows_of(conditions.statuses, in_states)}
    else:
        in_indexes = {column: Seen.together(list(islice(answers, len(looks)))) for column, looks in by_index.items()}
    own: dict[str, list[Seen]] = {}
    for seen in in_states:
        own.update({state: [seen] for state in seen.hits})
    own |= {state: _seen_of(state, in_states) for state in STATES}
    counts = Counts(
        _best([Seen.together(in_states), *in_filters]),
        {state: _best([Seen.together(parts), *in_filters], state) for state, parts in own.items()},
    )
    return Counted(counts, {column: seen.rows for column, seen in in_indexes.items() if seen.is_whole})


def _rows_of(statuses: Sequence[str], in_states: Sequence[Seen]) -> Seen:
    """The rows of some statuses, as the looks through their index have seen them; whole where they are few."""
    by_status = dict(zip(STATES, in_states, strict=False))
    rows = Seen.together([by_status[status] for status in dict.fromkeys(statuses)])
    return replace(rows, is_whole=rows.is_whole and rows.rows < MOST_IN_INDEX)


def _seen_of(state: str, in_states: Sequence[Seen]) -> list[Seen]:
    """What was seen of a state under its own name, and under others where there was something."""
    by_status = dict(zip(STATES, in_states, strict=False))
    others = [by_status[status] for status, hidden in OTHERS.items() if state in hidden]
    return [by_status[state], *(seen for seen in others if seen.hits[state])]


@cache
def _looks_by_state(limit: int) -> tuple[RangeLook, ...]:
    """One look for each of Celery's states, and then one between each two of them, for those of the site's own."""
    of_celery = (RangeLook.at("status", state, limit) for state in STATES)
    return (*of_celery, *(RangeLook("status", gap, limit) for gap in gaps()))


def _looks_by_filter(conditions: Conditions, limit: int) -> dict[str, list[RangeLook]]:
    """The looks through the index of each filter's column, at so many rows for each."""
    looks = {}
    for column, lookup, value in conditions.on("task_name", "worker").all:
        if lookup == "in" and len(value) <= MOST_NAMES:
            looks[column] = [RangeLook.at(column, name, limit // len(value)) for name in value]
    if dates := conditions.on("date_created").all:
        bounds = tuple((">=" if lookup == "gte" else "<=", value) for _column, lookup, value in dates)
        looks["date_created"] = [RangeLook("date_created", bounds, limit)]
    return looks


def _looks_by_index(conditions: Conditions) -> dict[str, list[RangeLook]]:
    """The same, and those at the statuses that are wanted, which only count."""
    by_column = _looks_by_filter(conditions, MOST_IN_INDEX)
    if len(conditions.statuses) <= MOST_NAMES:
        limit = MOST_IN_INDEX // len(conditions.statuses)
        by_column["status"] = [RangeLook.at("status", status, limit) for status in conditions.statuses]
    for column, looks in by_column.items():
        by_column[column] = [replace(look, only_counts=True) for look in looks]
    return by_column


def _look(looks: Sequence[RangeLook], table: QuerySet, conditions: Conditions) -> list[Seen]:
    """Ask the database for all looks at once, and once more for those at rows that are not those which were known."""
    if conditions:
        return _seen(looks, _lines(looks, table, conditions))
    where = place(table.db), table.model
    looks = [known_looks.with_known(where, look) for look in looks]
    lines = _lines(looks, table, conditions)
    seen = _seen(looks, lines)
    same = {line[0] for line in lines if looks[line[0]].is_the_same(line[3], line[6])}
    if changed := [number for number, look in enumerate(looks) if look.known and number not in same]:
        again = [replace(looks[number], known=None) for number in changed]
        lines = _lines(again, table, conditions)
        for number, found in zip(changed, _seen(again, lines), strict=True):
            seen[number] = found
        looks = again
    for number, _state, _hits, rows, *others, ids, last in lines:
        known_looks.keep(where, looks[number], Known(rows, ids, last, tuple(others)))
    return seen


def _seen(looks: Sequence[RangeLook], lines: Iterable[Line]) -> list[Seen]:
    seen = [Seen() for _look in looks]
    for number, state, hits, rows, *others, _ids, _last in lines:
        known = looks[number].known
        seen[number].add(looks[number], state, hits, rows, known.others if known else tuple(others))
    return seen


def _lines(looks: Sequence[RangeLook], table: QuerySet, conditions: Conditions) -> list[Line]:
    if conditions:
        sql, values = _statement(table, conditions, looks)
    else:
        sql, values = _of_all(table.db, connections[table.db].vendor, table.model, tuple(looks))
    with connections[table.db].cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


class KnownLooks:
    """The last looks at whole statuses at which ``many`` rows were read, for some seconds: it is much to read again.

    A look that came to its end holds for as long as the index has the same rows, or as many where it does not say
    which; one that stopped for as long as the row is there at which it did.
    """

    def __init__(self, many: int = MANY, seconds: float = SECONDS) -> None:
        self.many, self.seconds = many, seconds
        self._known: dict[tuple[Where, RangeLook], tuple[float, Known]] = {}

    def with_known(self, where: Where, look: RangeLook) -> RangeLook:
        found_at, known = self._known.get((where, look), (0.0, None))
        return look if time.monotonic() - found_at > self.seconds else replace(look, known=known)

    def keep(self, where: Where, look: RangeLook, known: Known) -> None:
        is_read = look.status is not None and not look.only_counts and look.known is None
        if is_read and known.rows >= (self.many if look.status in OTHERS else look.limit):
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[where, look] = time.monotonic(), known

    def forget(self) -> None:
        self._known.clear()


known_looks: Final = KnownLooks()


def _statement(table: QuerySet, conditions: Conditions, looks: Sequence[RangeLook]) -> Expression:
    statements = Statements(table, conditions)
    parts, values = zip(*(statements.of(number, look) for number, look in enumerate(looks)), strict=True)
    return " UNION ALL ".join(parts), list(chain(*values))


@lru_cache(maxsize=16)
def _of_all(using: str, vendor: str, model: Any, looks: tuple[RangeLook, ...]) -> Expression:
    """The statement that counts without a condition, as a list does that nobody has filtered: it is often the same."""
    return _statement(model._base_manager.using(using), Conditions(), looks)


class Statements:
    """Looks at one table as SQL, with its values."""

    def __init__(self, table: QuerySet, conditions: Conditions) -> None:
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
            field = self.table.model._meta.get_field(name)
            self.quoted_columns[name] = self.connection.ops.quote_name(field.column)
        return self.quoted_columns[name]

    def _bounds(self, look: RangeLook) -> list[Any]:
        adapted = self.connection.ops.adapt_datetimefield_value
        return [adapted(value) if isinstance(value, datetime) else value for _operator, value in look.bounds]


#: The same of a look that only tells how many rows there are.
_COUNTING_LOOK: Final = (
    "SELECT {number} AS look, NULL AS state, 0 AS hits, COUNT(*) AS seen, 0 AS first, 0 AS second,"
    " 0 AS ids, 0 AS last FROM"
    " (SELECT 1 AS hit FROM {table} WHERE {rows} ORDER BY {column} DESC {limit}) looked"
)
#: What no row means.
_NONE: Final[Expression] = ("NULL", [])


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


def _best(seen: Sequence[Seen], state: str | None = None) -> Count:
    """Return the number of the look that is exact, or has counted most; of all states when none is named."""
    numbers = [look.hits[state] if state else look.hits.total() for look in seen]
    if any(look.is_whole for look in seen):
        return Count(max(numbers))
    return Count(min(max(numbers), READ_IN_INDEX), capped=True)
