"""Pages of the journals, by primary key: nothing is counted and no row skipped."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from django.db.models import QuerySet

from ...exceptions import BadCursor
from ...models import Journalled, TaskRunRecord
from ...tables.records import became
from ...task_detail.many_states import States, states_of
from ...task_query import OLDEST_FIRST, Cursor

#: What no primary key is above.
LARGEST_KEY: Final = 2**63
#: Rows of which the tasks' states are asked at once, and for one page.
AT_ONCE: Final = 250
MOST_ASKED: Final = 2000


R = TypeVar("R", bound=Journalled)


@dataclass(frozen=True, slots=True)
class RecordPage(Generic[R]):
    """Some rows and the cursors of the pages around them.

    ``is_cut`` says that there may be more rows for this page, beyond those that were looked at; ``told`` what became
    of the tasks, where that was asked for the page, and what kept the rest from being looked at.
    """

    records: tuple[R, ...] = ()
    next: str = ""
    previous: str = ""
    is_cut: bool = False
    told: States | None = None

    @property
    def troubles(self) -> tuple[str, ...]:
        return self.told.troubles if self.told else ()


@dataclass(frozen=True, slots=True)
class _Walk:
    """Rows in one direction from a place, and whether there are more."""

    rows: list[TaskRunRecord]
    has_more: bool
    last: int  # the key of the last one that was looked at
    is_cut: bool = False
    told: States | None = None


def page_of(rows: QuerySet[Any], *, sort: str, cursor: str, size: int, states: Collection[str] = ()) -> RecordPage[Any]:
    """Return the page at ``cursor``; where ``states`` are named, of the runs that came to one. Raises BadCursor."""
    place = _place(cursor) if cursor else None
    is_back = place is not None and place.before
    rises = (sort == OLDEST_FIRST) != is_back
    key: int | None = place.key[0] if place is not None else None
    walk = _among(rows, states, key, size, rises=rises) if states else _all(rows, key, size, rises=rises)
    shown = walk.rows[::-1] if is_back else walk.rows
    onward = Cursor((walk.last,), before=is_back).encoded() if walk.has_more else ""
    back = ""
    if key is not None and (shown or walk.has_more):
        beside = key + 1 if rises else key - 1
        edge = walk.rows[0].pk if walk.rows else beside
        back = Cursor((edge,), before=not is_back).encoded()
    next_, previous = (back, onward) if is_back else (onward, back)
    return RecordPage(tuple(shown), next_, previous, walk.is_cut, walk.told)


def _place(cursor: str) -> Cursor:
    place = Cursor.decoded(cursor)
    if len(place.key) != 1 or type(place.key[0]) is not int or not 0 <= place.key[0] < LARGEST_KEY:
        raise BadCursor("not a cursor of this list")
    return place


def _from(rows: QuerySet[TaskRunRecord], key: int | None, most: int, *, rises: bool) -> QuerySet[TaskRunRecord]:
    if key is not None:
        rows = rows.filter(**{"pk__gt" if rises else "pk__lt": key})
    return rows.order_by("pk" if rises else "-pk")[:most]


def _all(rows: QuerySet[TaskRunRecord], key: int | None, size: int, *, rises: bool) -> _Walk:
    records = list(_from(rows, key, size + 1, rises=rises))
    shown = records[:size]
    return _Walk(shown, len(records) > size, shown[-1].pk if shown else 0)


def _among(rows: QuerySet[TaskRunRecord], states: Collection[str], key: int | None, size: int, *, rises: bool) -> _Walk:
    """The journal does not know what became of a run: those who do are asked, for some rows after the other."""
    records: list[TaskRunRecord] = []
    outcomes = States()
    number = 0
    left = _from(rows, key, MOST_ASKED, rises=rises).iterator(AT_ONCE)  # what has to be sorted is so once
    while number < MOST_ASKED and len(records) <= size and not outcomes.troubles:
        some = list(islice(left, AT_ONCE))
        outcomes |= states_of({record.task_id: record.created_at for record in some})
        records += [record for record in some if became(record, outcomes) in states]
        number += len(some)
        if len(some) < AT_ONCE:
            return _page(records, size, key=None, outcomes=outcomes)
        key = some[-1].pk
    return _page(records, size, key=key, outcomes=outcomes)


def _page(records: list[TaskRunRecord], size: int, *, key: int | None, outcomes: States) -> _Walk:
    """``key`` is where to look on, None when every row was looked at."""
    shown = records[:size]
    if len(records) > size:
        return _Walk(shown, True, shown[-1].pk, told=outcomes)
    return _Walk(shown, key is not None, key or 0, is_cut=key is not None, told=outcomes)
