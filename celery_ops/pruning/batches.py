"""Deleting rows in small batches by primary key, each a transaction of its own.

Killed between two batches it has done those before; run again it does the rest; two at once share the work. Other
writers go first: a batch is as large as can be deleted in a moment, waits hardly at all for a lock, leaves locked rows
for later, and is tried again when the database chose it to give way.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError, connections, transaction
from django.db.models import F, QuerySet
from django.db.models.deletion import Collector
from django.db.models.lookups import In
from django.utils.translation import ngettext

from ..databases import met_lock
from ..formatting import grouped

#: Rows of a batch, at most: MySQL reads the whole table where a list of keys is too long for its planner.
BATCH_SIZE: Final = 5000
LARGEST: Final = 20_000
#: Where Django has to load the rows: they may hold a megabyte each.
LOADED: Final = 100
#: Seconds that a batch may take: one that took longer makes the next one smaller, down to where it is mostly commit.
LONGEST_BATCH: Final = 0.03
LEAST: Final = 500
PATIENCE: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
#: Rows that others hold; with more of them something is wrong.
MOST_HELD: Final = 10_000
#: A delete that a crash of PostgreSQL takes back is done again by the next run: nobody has to wait for the disk. Pages
#: go to the disk as they are written: the system would keep them for 30 s, and everybody's commits then wait for all.
POSTGRESQL: Final = """SELECT set_config('lock_timeout', '50ms', true), set_config('synchronous_commit', 'off', true),
    set_config('backend_flush_after', '256kB', true)"""

Found = TypeVar("Found")


class TimeUp(Exception):
    """The time ran out before the rows did."""


class RowsHeld(Exception):
    """Rows stay, because others lock them or need them."""


class _OneOf(In):
    """``IN`` for integers, which PostgreSQL gets as the text of one array: thousands of values take it long to read,
    and the driver long to write.
    """

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = self.process_lhs(compiler, connection)
        of = self.lhs.output_field.rel_db_type(connection)
        return f"{column} = ANY(%s::{of}[])", [*parameters, f"{{{','.join(map(str, self.rhs))}}}"]


@dataclass(slots=True)
class Batches:
    """Deletes ``rows``, those with the oldest ``moment`` first; ``rows`` name the database that they are deleted on.

    ``until`` is a time of ``time.monotonic``, ``size`` how many rows a batch has at most, and ``patience`` the seconds
    between the tries of a batch which meets a lock, one after the other.
    """

    rows: QuerySet[Any]
    moment: str
    size: int = BATCH_SIZE
    until: float | None = None
    patience: Sequence[float] = PATIENCE
    #: How many rows went so far.
    deleted: int = 0
    #: Rows that stay; those which other rows need are not tried again.
    _held: set[Any] = field(default_factory=set)
    _needed: set[Any] = field(default_factory=set)

    def delete(self) -> Iterator[int]:
        """Yield how many rows went with each batch; the first one is done however short the time.

        Raises TimeUp when the time ran out first, Held when rows stay, and OperationalError when a lock does.
        """
        with _short_waits(self._connection):
            yield from self._walk()
            yield from self._come_back()
        if self._held:
            raise self._stay()

    def _walk(self) -> Iterator[int]:
        since, size = None, self._most()
        while keys := self._look(since, size):
            if since is not None:
                self._check_time()
            began, since = time.monotonic(), self._moment_of(keys[-1]) or since
            yield self._batch(keys)
            took = time.monotonic() - began
            size = self._fitting(size, took)
            if self._connection.vendor == "sqlite" and not self._connection.in_atomic_block:
                time.sleep(min(took, LONGEST_BATCH))  # one writer at a time, and whoever waits looks only now and then

    @property
    def _connection(self) -> Any:
        return connections[self.rows.db]

    def _loads(self) -> bool:
        """Return whether Django has to load the rows: for the site's receivers, or for rows that refer to them."""
        return not Collector(self.rows.db).can_fast_delete(self.rows)

    def _most(self) -> int:
        values = self._connection.features.max_query_params
        return max(1, min(self.size, LOADED if self._loads() else LARGEST, values - 100 if values else LARGEST))

    def _fitting(self, size: int, took: float) -> int:
        return min(max(int(size * LONGEST_BATCH / max(took, 0.001)), LEAST), size * 2, self._most())

    def _look(self, since: datetime | None, size: int) -> list[Any]:
        """Return keys, the oldest first: each look begins where the last one ended, past what was just deleted."""
        rows = self.rows.order_by(self.moment).values_list("pk", flat=True)
        if since is not None:
            rows = rows.filter(**{f"{self.moment}__gte": since})
        if self._held:
            rows = rows.exclude(pk__in=self._held)

        def look(_locked: bool) -> list[Any]:
            with _short_transaction(self._connection):  # reading makes room in memory: it writes pages as well
                return list(rows[:size])

        return self._patiently(look)

    def _moment_of(self, key: Any) -> datetime | None:
        """Only one row's: reading the moments of a whole batch takes longer than deleting it."""
        moments = self._patiently(lambda _locked: list(self.rows.filter(pk=key).values_list(self.moment, flat=True)))
        return moments[0] if moments else None

    def _batch(self, keys: list[Any]) -> int:
        """Delete these rows; those that others lock wait for the end."""
        before = self.deleted
        self._delete(keys)
        left = self._left(keys) if self.deleted - before < len(keys) else []
        if locked := self._locked(left):
            self._sleep(self.patience[0])
            self._delete(locked)
            left = self._left(left)
        self._held.update(left)
        if len(self._held) > MOST_HELD:
            raise self._stay()
        return self.deleted - before

    def _left(self, keys: Iterable[Any]) -> list[Any]:
        rows = self.rows.filter(_OneOf(F("pk"), list(keys))).values_list("pk", flat=True)
        return self._patiently(lambda _locked: list(rows.all()))

    def _locked(self, keys: Iterable[Any]) -> list[Any]:
        return [key for key in keys if key not in self._needed]

    def _come_back(self) -> Iterator[int]:
        """Delete rows that were locked, until nobody locks them or patience ends."""
        size = self._most()
        for pause in self.patience:
            locked = self._locked(self._held)
            if not locked:
                return
            self._sleep(pause)
            for keys in _chunks(locked, size):
                before = self.deleted
                self._delete(keys)
                yield self.deleted - before
                self._held -= set(keys).difference(self._left(keys))

    def _stay(self) -> RowsHeld:
        number, table = len(self._held), self.rows.model._meta.db_table
        text = ngettext(
            "%(n)s old row of %(table)s stays: others lock it, or have rows that need it",
            "%(n)s old rows of %(table)s stay: others lock them, or have rows that need them",
            number,
        )
        return RowsHeld(text % {"n": grouped(number), "table": table})

    def _delete(self, keys: list[Any]) -> None:
        """Delete those of the keys that are still old and that nothing needs."""
        try:
            self.deleted += self._patiently(lambda locked: self._transaction(keys, skip_locked=locked))
        except IntegrityError:
            if len(keys) == 1:
                self._needed.update(keys)
                return
            half = len(keys) // 2
            self._delete(keys[:half])
            self._delete(keys[half:])

    def _transaction(self, keys: list[Any], *, skip_locked: bool) -> int:
        """Delete in one transaction: with one statement where nothing is locked and Django need not load the rows."""
        rows, is_mysql = self.rows.filter(_OneOf(F("pk"), keys)), self._connection.vendor == "mysql"
        with _short_transaction(self._connection):
            # MySQL's wait is a second at least; a row that was loaded may be written anew until it is deleted.
            if not (skip_locked or is_mysql or self._loads()):
                return _gone(rows)
            skips = self._connection.features.has_select_for_update_skip_locked
            locked = list(rows.select_for_update(skip_locked=skips).values_list("pk", flat=True))
            # Given several keys, MySQL reads a small table whole, and waits for the rows between that others lock.
            apart = _chunks(locked, 1 if is_mysql and skip_locked else len(keys))
            return sum(_gone(self.rows.filter(_OneOf(F("pk"), some))) for some in apart)

    def _patiently(self, action: Callable[[bool], Found]) -> Found:
        """Return what the action returns; it is told whether it met a lock before. Nothing is tried again in a
        transaction of the caller's: that holds on to what the others wait for.
        """
        met = False
        for pause in self.patience:
            try:
                return action(met)
            except OperationalError as error:
                if not met_lock(error) or self._connection.in_atomic_block:
                    raise
            met = True
            self._sleep(pause)
        return action(met)

    def _sleep(self, seconds: float) -> None:
        self._check_time()
        time.sleep(seconds)

    def _check_time(self) -> None:
        if self.until is not None and time.monotonic() >= self.until:
            raise TimeUp


def _gone(rows: QuerySet[Any]) -> int:
    """Delete the rows, and return how many went: not counting those of other tables that went with them."""
    _total, by_model = rows.delete()
    return by_model.get(rows.model._meta.label, 0)


def _chunks(keys: list[Any], size: int) -> Iterator[list[Any]]:
    for begin in range(0, len(keys), size):
        yield keys[begin : begin + size]


@contextmanager
def _short_waits(connection: Any) -> Iterator[None]:
    """MySQL, which can say so only of a whole session, and else waits most of a minute for a lock."""
    if connection.vendor != "mysql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@SESSION.innodb_lock_wait_timeout")
        (before,) = cursor.fetchone()
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # a session that is gone has nothing to restore
            cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [before])


@contextmanager
def _short_transaction(connection: Any) -> Iterator[None]:
    """A transaction that hardly waits for a lock on PostgreSQL."""
    is_own = not connection.in_atomic_block
    with transaction.atomic(using=connection.alias):
        if is_own and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(POSTGRESQL)
        yield
    if connection.queries_logged and not connection.force_debug_cursor:
        connection.queries_log.clear()  # DEBUG keeps every statement, and these are long
