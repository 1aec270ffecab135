"""How many tasks there are in each state, from as many small looks as there are indexes to look through.

Each look reads a bounded number of rows along one index: those of one state, of a name, of a worker, or of a stretch
of time. It counts those among them that match. A look that comes to its end is exact, and of the others the one that
has counted most says "at least". So the cost has a bound, whatever the filters are and however many rows there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, islice
from typing import Final

from django.db.models import Model, QuerySet

from ...task_query import Count, Counts
from .conditions import Conditions
from .look_sql import lines_of
from .looks import STATES, Known, Line, RangeLook, Seen, gaps, known_looks
from .states import OTHERS
from .table_places import table_place

#: Rows that a look reads where the index of the states alone tells everything.
READ_IN_INDEX: Final = 10_000
#: Rows that a look reads from the table.
READ_IN_TABLE: Final = 1_000
#: Rows up to which an index alone is asked how many it finds for one filter.
MOST_IN_INDEX: Final = 5_000
#: With more names than this, there is no look through the names.
MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of the rows that match, and how many rows the index of each filter's column finds, where few."""

    counts: Counts
    rows: Mapping[str, int]


def counted(table: QuerySet[Model], conditions: Conditions) -> Counted:
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
    """The looks through the index of each filter's column, and at the statuses that are wanted, which only count."""
    by_column = _looks_by_filter(conditions, MOST_IN_INDEX)
    if len(conditions.statuses) <= MOST_NAMES:
        limit = MOST_IN_INDEX // len(conditions.statuses)
        by_column["status"] = [RangeLook.at("status", status, limit) for status in conditions.statuses]
    for column, looks in by_column.items():
        by_column[column] = [replace(look, only_counts=True) for look in looks]
    return by_column


def _look(looks: Sequence[RangeLook], table: QuerySet[Model], conditions: Conditions) -> list[Seen]:
    """Ask the database for all looks at once, and once more for those at rows that are not those which were known."""
    if conditions:
        return _seen(looks, lines_of(looks, table, conditions))
    where = table_place(table.db), table.model
    looks = [known_looks.with_known(where, look) for look in looks]
    lines = lines_of(looks, table, conditions)
    seen = _seen(looks, lines)
    same = {line.look for line in lines if looks[line.look].is_the_same(line)}
    if changed := [number for number, look in enumerate(looks) if look.known and number not in same]:
        again = [replace(looks[number], known=None) for number in changed]
        lines = lines_of(again, table, conditions)
        for number, found in zip(changed, _seen(again, lines), strict=True):
            seen[number] = found
        looks = again
    for line in lines:
        known_looks.keep(where, looks[line.look], Known(line.rows, line.ids, line.last, line.others))
    return seen


def _seen(looks: Sequence[RangeLook], lines: Iterable[Line]) -> list[Seen]:
    seen = [Seen() for _look in looks]
    for line in lines:
        seen[line.look].add(looks[line.look], line)
    return seen


def _best(seen: Sequence[Seen], state: str | None = None) -> Count:
    """Return the number of the look that is exact, or has counted most; of all states when none is named."""
    numbers = [look.hits[state] if state else look.hits.total() for look in seen]
    if any(look.is_whole for look in seen):
        return Count(max(numbers))
    return Count(min(max(numbers), READ_IN_INDEX), capped=True)
