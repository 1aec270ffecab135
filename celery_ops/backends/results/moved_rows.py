"""The rows that mean another state than their status says, found through the index of the statuses: the newest of each.

A filter by state cannot ask the database for them: what tracking knows is not there, and no index tells which failures
were rejected. So they are looked for before, at most some hundred, and the filter names them by their keys.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from django.db import connections
from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.lookups import In
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ... import states
from ...info import TaskInfo
from ...task_query import Count, Counts
from .conditions import Conditions
from .known_rows import read
from .looks import Bounds, at, gaps
from .queries import place_of, queries
from .rows import Row, Rows, for_list
from .sql import hit_of
from .states import OTHERS, REFUSED, REQUESTED, STATE

#: Rows of a status that are looked at, and how many of those that may be moved are taken: the newest of each.
MOST_READ: Final = 1000
MOST_FOUND: Final = 250

_LOOK: Final = (
    "SELECT id FROM (SELECT id FROM"
    " (SELECT id, {hit} AS hit FROM {table} WHERE {rows} ORDER BY {status} DESC {inner}) looked"
    " WHERE hit = 1 {outer}) taken"
)
#: A range of statuses, and what its rows have to be.
Look = tuple[Bounds, Q]

PLAIN: Final = frozenset({states.SUCCESS, states.FAILURE, states.REVOKED})
#: MySQL takes a limit only inside.
_KEYS: Final = "SELECT id FROM ({looks}) candidates"
OPEN: Final = (states.PENDING, states.RECEIVED, states.STARTED, states.RETRY)


@dataclass(frozen=True, slots=True)
class MovedRows:
    """The keys of rows by the state that they mean, and which of them have another status."""

    came: Mapping[str, frozenset[int]] = field(default_factory=dict)
    gone: frozenset[int] = frozenset()
    changes: Mapping[str, int] = field(default_factory=dict)
    is_whole: bool = True

    @classmethod
    def of(cls, rows: Sequence[Row], tasks: Iterable[TaskInfo]) -> "MovedRows":
        """``rows`` may mean another state, and ``tasks`` are the same with what is tracked of them."""
        came: dict[str, set[int]] = {}
        changes = Counter[str]()
        gone = set()
        for row, task in zip(rows, tasks, strict=True):
            if task.state != row["status"]:
                came.setdefault(task.state, set()).add(row["id"])
                gone.add(row["id"])
            if task.state != row["state"]:
                changes[row["state"]] -= 1
                changes[task.state] += 1
        named = {state: frozenset(keys) for state, keys in came.items()}
        return cls(named, frozenset(gone), changes, len(rows) < MOST_FOUND)

    def q(self, wanted: Collection[str], counts: Counts) -> Q:
        """Return the condition that a row means one of these states; ``counts`` are of what rows mean by themselves."""
        wanted = frozenset(wanted)
        condition = Q(status__in=sorted(wanted))
        if any(_may_mean_another(status, counts) for status in wanted & OTHERS.keys()):
            condition &= Q(In(STATE, sorted(wanted)))
        if self.gone:
            condition &= ~Q(pk__in=sorted(self.gone))
        came = sorted(chain.from_iterable(self.came.get(state, ()) for state in wanted))
        return condition | Q(pk__in=came) if came else condition

    def notes(self, wanted: Collection[str]) -> tuple[str, ...]:
        """Return what a list of these states may leave out, or have too much."""
        if self.is_whole or frozenset(wanted) <= PLAIN:
            return ()
        number = number_format(MOST_FOUND, force_grouping=True)
        text = _("Of the tasks whose row may mean another state, the newest %(number)s were looked up.")
        return (text % {"number": number},)

    def counted(self, counts: Counts) -> Counts:
        """Return the counts of what the rows mean by themselves, with what is tracked."""
        by_state = dict(counts.states)
        for state, change in self.changes.items():
            count = by_state.get(state, Count(0))
            if not count.capped:
                by_state[state] = Count(max(0, count.number + change))
        return Counts(counts.all, by_state)


NONE: Final = MovedRows()


def newest(table: QuerySet[Model], conditions: Conditions, looks: Sequence[Look]) -> Sequence[Row]:
    """Return the newest of the rows that may be moved."""
    query = queries.get(
        ("moved", place_of(table), conditions.key, tuple(looks)),
        lambda: candidates(table, conditions, looks)[:MOST_FOUND],
    )
    return read(query, MOST_FOUND)


def candidates(table: QuerySet[Model], conditions: Conditions, looks: Sequence[Look]) -> Rows:
    """Return the rows that may be moved, newest first: those that are open, and those that mean another state."""
    connection = connections[table.db]
    quote = connection.ops.quote_name
    names = {"table": quote(table.model._meta.db_table), "status": quote("status")}
    inner, outer = (connection.ops.limit_offset_sql(0, most) for most in (MOST_READ, MOST_FOUND))
    parts, values = [], []
    for bounds, condition in looks:
        rows = " AND ".join(f"{names['status']} {operator} %s" for operator, _value in bounds)
        hit, hit_values = hit_of(table, conditions.q() & condition)
        parts.append(_LOOK.format(**names, hit=hit, rows=rows, inner=inner, outer=outer))
        values += [*hit_values, *(value for _operator, value in bounds)]
    keys = _KEYS.format(looks=" UNION ALL ".join(parts))
    return for_list(table, Q(pk__in=RawSQL(keys, values))).order_by("-pk")  # noqa: S611 - values are parameters


def _may_mean_another(status: str, counts: Counts) -> bool:
    """Return whether there may be rows of a status that mean another state: none are there where all were looked at."""
    return counts.of(status).capped or any(counts.of(other).number for other in OTHERS[status])


def looks_of(counts: Counts) -> list[Look]:
    """Return where there is a row of which its state has to be looked up, as far as the counted states tell.

    Those are the statuses of Celery's that are open, the site's own, and those of which some rows mean another state.
    """
    there = {state for state, count in counts.states.items() if count.number}
    own = gaps() if any(map(states.is_custom, there)) else ()
    looks: list[Look] = [(at(state), Q()) for state in OPEN if there.intersection((state, *OTHERS.get(state, ())))]
    looks += [(bounds, Q()) for bounds in own]
    hidden = {states.REVOKED: REQUESTED, states.FAILURE: REFUSED}
    return looks + [(at(state), condition) for state, condition in hidden.items() if there.intersection(OTHERS[state])]
