"""Rows of a SQLite table that were read before.

There a row's last columns lie behind its result, and to come to them takes reading all of a result, megabytes perhaps.
Where that takes long, a row is asked first whether it is as it was: its beginning and the index of when rows were
written say so.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import connections
from django.db.models import Q

from .queries import ListQuery
from .rows import ListedRow, Row, Rows, for_list

#: Seconds that a page of rows takes to be read where they are large; of others it takes a tenth.
LONG: Final = 0.005
#: Seconds for which a row is not read again, and how many rows a process keeps.
SECONDS: Final = 60.0
MOST_KEPT: Final = 2000
#: A longer page is read as it is: nobody looks at it again soon, and a query has so many values at most.
LONGEST_PAGE: Final = 250

#: An index that is walked has the keys of its rows, too.
_UNCHANGED: Final = (
    "WITH known (written, id) AS (VALUES {places}) SELECT row.id FROM known CROSS JOIN {table} row"
    " ON row.date_done = known.written AND row.id >= known.id AND row.id <= known.id"
)


def read(query: ListQuery, number: int) -> Sequence[Row]:
    """Return the rows of a query that is for ``number`` of them at most."""
    if connections[query.rows.db].vendor != "sqlite" or number > LONGEST_PAGE:
        return query.fetch()
    return known_rows.read(query, number)


class KnownRows:
    """The rows that a process has read last, of databases in which reading took ``long`` twice in a row.

    Once it may have been something else: a new process compiles its queries.
    """

    def __init__(self, long: float = LONG, seconds: float = SECONDS, most: int = MOST_KEPT) -> None:
        self.long, self.seconds, self.most = long, seconds, most
        self._rows: OrderedDict[tuple[Any, ...], tuple[float, Row]] = OrderedDict()
        self._large: dict[tuple[Any, ...], float] = {}
        self._suspected: set[tuple[Any, ...]] = set()

    def read(self, query: ListQuery, number: int) -> Sequence[Row]:
        rows = query.rows
        place = _place(rows)
        pages = (*place, number)  # what else is read beside them is not as long
        if time.monotonic() - self._large.get(place, float("-inf")) < self.seconds:
            return self._known(query)
        begun = time.thread_time()
        fetched = query.fetch()
        if time.thread_time() - begun < self.long:
            self._suspected.discard(pages)
        elif pages in self._suspected:
            self._large[place] = time.monotonic()
            self._keep(rows, fetched)
        else:
            self._suspected.add(pages)
        return fetched

    def _known(self, query: ListQuery) -> list[Row]:
        rows, keys = query.rows, query.keys.ask()
        known = self._unchanged(rows, {id: row for id, status in keys if (row := self._kept(rows, id, status))})
        missing = [id for id, _status in keys if id not in known]
        fetched = {row["id"]: row for row in self._whole(rows, missing)} if missing else {}
        self._keep(rows, fetched.values())
        known |= fetched
        return [known[id] for id, _status in keys if id in known]

    def _kept(self, rows: Rows, id: int, status: str) -> Row | None:
        read_at, row = self._rows.get((*_place(rows), id), (float("-inf"), {}))
        return row if time.monotonic() - read_at < self.seconds and row["status"] == status else None

    def _unchanged(self, rows: Rows, known: dict[int, Row]) -> dict[int, Row]:
        """Return those that the index says were written last when they were before."""
        if not known:
            return known
        connection = connections[rows.db]
        table = connection.ops.quote_name(rows.model._meta.db_table)
        sql = _UNCHANGED.format(table=table, places=", ".join(["(%s, %s)"] * len(known)))
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for id, row in known.items() for value in (row["written"], id)])
            return {id: known[id] for (id,) in cursor.fetchall()}

    def _keep(self, rows: Rows, fetched: Iterable[Row]) -> None:
        now = time.monotonic()
        place = _place(rows)
        for row in fetched:
            key = (*place, row["id"])
            self._rows[key] = now, row
        while len(self._rows) > self.most:
            self._rows.popitem(last=False)

    def forget(self) -> None:
        self._rows.clear()
        self._large.clear()
        self._suspected.clear()

    def _whole(self, rows: Rows, ids: Iterable[int]) -> list[Row]:
        return [ListedRow(row) for row in for_list(rows, Q(pk__in=ids))]


known_rows: Final = KnownRows()


def _place(rows: Rows) -> tuple[Any, ...]:
    return rows.db, connections[rows.db].settings_dict["NAME"]
