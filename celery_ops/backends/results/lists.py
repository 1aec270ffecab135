"""Pages of rows by key, without OFFSET and without counting, in an order that an index has.

No index serves a filter and an order at once, and a planner that trusts in luck walks a million rows for a state that
none has. So a page is looked for through the index of a filter where one of them finds few rows, and these are sorted.
Else it is looked for near: a walk along the order's index, over a bounded stretch from the page's place on, which finds
what is frequent. Only when that does not fill the page, far: all the rows that the filters' own indexes find, of which
the first are sorted out. That is little, since what is frequent was near.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connections
from django.db.models import Case, IntegerField, Model, Q, QuerySet, Subquery, When

from .conditions import Conditions
from .known_rows import read
from .orders import Order
from .pages import Item, Key
from .queries import place_of, queries
from .rows import Row, Rows, for_list, listed
from .search import TextSearch

#: Rows of the stretch that is walked first, for each row of the page, and in all.
STRETCH: Final = 200
LONGEST_STRETCH: Final = 100_000
#: A stretch is this many times as long as what is read instead, of which the rows lie anywhere in the table.
SHARE: Final = 2
#: With fewer rows than this from the page's place on, walking the stretch has shown them all.
FEW: Final = 5000


class Over(Subquery):
    """What ``select`` says of the rows that a sliced query finds; MySQL takes a slice only in this form."""

    template = "(SELECT %(select)s FROM (%(subquery)s) found)"


class Hits(Subquery):
    """The ids of the first rows of a sliced query that have a ``hit``: it is walked no further than to the last."""

    template = "(SELECT id FROM (SELECT id FROM (%(subquery)s) stretch WHERE hit = 1 ORDER BY %(by)s %(limit)s) found)"


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of ``table`` that match, in one order. A walk by the date of creation itself keeps within the dates."""

    table: QuerySet[Model]
    order: Order
    conditions: Conditions
    search: TextSearch | None = None

    @property
    def end(self) -> Key:
        return self.order.end

    def after(self, key: Key | None, number: int) -> list[Item]:
        return self._items(self._rows(self.order, key, number))

    def before(self, key: Key | None, number: int) -> list[Item]:
        return self._items(self._rows(self.order.reversed, key, number)[::-1])

    def has(self, key: Key) -> bool:
        return self.order.has(key)

    def _items(self, rows: Sequence[Row]) -> list[Item]:
        return [(self.order.key(row), listed(row)) for row in rows]

    def _rows(self, walk: Order, begin: Key | None, number: int) -> Sequence[Row]:
        """Return the first rows after a key, or from the beginning on."""
        walked = self.conditions.on(walk.column)
        within = walked.q() & walk.after(begin) if begin else walked.q()
        asked = (place_of(self.table), self.conditions.key, walk, begin and tuple(begin), number)
        if walked == self.conditions and not self.search:
            walk_all = queries.get(("all", *asked), lambda: for_list(self.table, within).order_by(*walk.by)[:number])
            return read(walk_all, number)
        wanted = self.conditions.but_on(walk.column).q()
        if self.search:
            wanted &= self.search.q(self.search.hits(walk, begin, number))
        length = min(number * STRETCH, LONGEST_STRETCH)
        if (narrow := self.conditions.narrowest(length // SHARE)) is not None:
            wanted &= within
            key = None if self.search else ("narrow", *asked, narrow)
            return read(queries.get(key, lambda: self._among(narrow, wanted, walk, number, length)), number)
        near_key, far_key = (None, None) if self.search else (("near", *asked), ("far", *asked))
        rows = self.table.filter(within)
        near = queries.get(near_key, lambda: self._near(rows, wanted, walk, number, length)).fetch()
        if len(near) == number or (near and near[0]["walked"] < min(length, FEW)):
            return near
        return queries.get(far_key, lambda: self._far(rows.filter(wanted), walk, number)).fetch()

    def _among(self, narrow: Q, wanted: Q, walk: Order, number: int, length: int) -> Rows:
        """Return the wanted rows of those that the index of a filter finds, which are few."""
        hits = self._hits(self.table.filter(narrow)[:length], wanted, walk, number)
        return self._these(hits).order_by(*walk.by)[:number]

    def _near(self, rows: QuerySet[Model], wanted: Q, walk: Order, number: int, length: int) -> Rows:
        """Return the rows of a stretch of ``length``; each says how long that is, up to ``FEW``."""
        hits = self._hits(rows.order_by(*walk.by)[:length], wanted, walk, number)
        stretch = rows.order_by(walk.by[0]).values(walk.column)[: min(length, FEW)]
        walked = Over(stretch, select="COUNT(*)", output_field=IntegerField())
        return self._these(hits).annotate(walked=walked).order_by(*walk.by)

    def _far(self, rows: QuerySet[Model], walk: Order, number: int) -> Rows:
        """Return the first of these rows, of which all are found and sorted."""
        far = Over(rows.order_by(*walk.by_sorting).values("id")[:number], select="id")
        return self._these(far).order_by(*walk.by)

    def _hits(self, stretch: QuerySet[Model], wanted: Q, walk: Order, number: int) -> Hits:
        """Return the ids of the first rows of a stretch that are wanted."""
        hit = Case(When(wanted, then=1), default=0, output_field=IntegerField())
        return Hits(
            stretch.annotate(hit=hit).values(*walk.columns, "hit"),
            by=", ".join(f"{column} {'DESC' if walk.descending else 'ASC'}" for column in walk.columns),
            limit=connections[self.table.db].ops.limit_offset_sql(0, number),
        )

    def _these(self, ids: Subquery) -> Rows:
        """Read the rows of these ids: what finds them, and sorts, need not carry what is read."""
        return for_list(self.table, Q(pk__in=ids))


class NoRows:
    """What is listed where no row can match."""

    def __init__(self, order: Order) -> None:
        self.order, self.end = order, order.end

    def after(self, key: Key | None, number: int) -> list[Item]:
        return []

    before = after

    def has(self, key: Key) -> bool:
        return self.order.has(key)
