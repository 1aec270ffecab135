"""Which of a site's databases is asked: a copy where its routers have one for reading, the writer for whatever acts.

A copy may be seconds behind: nothing is decided by it, and nobody misses there what they have just done themselves.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from django.db import DatabaseError, Error, OperationalError, connections, models, router, transaction

M = TypeVar("M", bound=models.Model)
Done = TypeVar("Done")

#: PostgreSQL: serialisation failure, deadlock. MySQL: deadlock, row changed since it was read.
GIVEN_WAY_STATES: Final = ("40001", "40P01")
GIVEN_WAY_NUMBERS: Final = (1213, 1020)
#: Times that a transaction is begun in all; each time another one has gone before it.
TURNS: Final = 20
#: MySQL, of columns whose letters have three bytes and a text with one of four: collations that do not mix.
NOT_HELD_NUMBERS: Final = (1267, 1270, 1271)
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

_on_writer: ContextVar[bool] = ContextVar("celery_ops_on_writer", default=False)


@contextmanager
def writer(wanted: bool = True) -> Iterator[None]:
    """Ask the writer inside, if that is ``wanted``; where it is asked already, it still is. A decorator, too."""
    token = _on_writer.set(wanted or _on_writer.get())
    try:
        yield
    finally:
        _on_writer.reset(token)


def asks_writer() -> bool:
    return _on_writer.get()


def alias_of(model: Any) -> str:
    """Return the database that is asked for ``model`` here, as the site's routers have it."""
    return router.db_for_write(model) if _on_writer.get() else router.db_for_read(model)


def storable(texts: Iterable[str]) -> list[str]:
    """Return the texts that a database can hold."""
    return [text for text in texts if _UNSTORABLE.search(text) is None]


def has_copy(model: Any) -> bool:
    """Return whether ``model`` is read elsewhere than it is written."""
    return router.db_for_read(model) != router.db_for_write(model)


class WriterManager(models.Manager[M]):
    """The rows of one of our own models, from the database that is asked here."""

    def get_queryset(self) -> models.QuerySet[M]:
        rows = super().get_queryset()
        return rows.using(router.db_for_write(self.model)) if _on_writer.get() and self._db is None else rows


@contextmanager
def shielded() -> Iterator[None]:
    """Have a query inside that fails spoil no transaction of the host's: the first in one is behind a savepoint.

    Without queries, and outside of transactions, it costs nothing.
    """
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block and not connection.needs_rollback:
                stack.enter_context(connection.execute_wrapper(_Savepoint(stack, connection.alias)))
        yield


class _Savepoint:
    """Opens a savepoint before the first query of a connection."""

    def __init__(self, stack: ExitStack, alias: str) -> None:
        self._stack, self._alias, self._is_open = stack, alias, False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not self._is_open:
            self._is_open = True
            self._stack.enter_context(transaction.atomic(self._alias))
        return execute(sql, params, many, context)


def gave_way(error: OperationalError) -> bool:
    """Return whether the database undid a transaction for another one's sake, and may be asked again at once."""
    return _state(error) in GIVEN_WAY_STATES or _number(error) in GIVEN_WAY_NUMBERS


def met_lock(error: OperationalError) -> bool:
    """Return whether a lock or a deadlock is all that stands in the way, in the words of each database."""
    is_timeout = _state(error) == "55P03" or _number(error) == 1205
    return is_timeout or gave_way(error) or "is locked" in str(error)


def cannot_hold(error: Error) -> bool:
    """Return whether a text was asked for that no row can have, as its column has no such letters."""
    return _number(error) in NOT_HELD_NUMBERS


def _state(error: OperationalError) -> Any:
    return getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None)


def _number(error: Error) -> Any:
    return error.args[0] if error.args else None


def in_turn(model: Any, write: Callable[[], Done]) -> Done:
    """Return what ``write`` returns: a statement or a transaction on ``model``'s writer, begun anew where it gave way.

    How often one has to depends on how strictly the site's database keeps transactions apart. In a transaction of the
    caller's it is done once, for that is undone with it. Raises what ``write`` raises.
    """
    connection = connections[router.db_for_write(model)]
    for _turn in range(TURNS - 1):
        try:
            return write()
        except OperationalError as error:
            if connection.in_atomic_block or not gave_way(error):
                raise
    return write()


class Pooling:
    """Which process must leave no pool of connections open: a worker's main one, whose children would inherit it.

    They close what they have inherited, and with that their parent's connections.
    """

    forbidden_in = 0  # the process's id: a child may have pools of its own


pooling = Pooling()


def leave_no_pool() -> None:
    """Have threads of ours connect without the site's pools, in this process alone."""
    pooling.forbidden_in = os.getpid()


@contextmanager
def own_connections() -> Iterator[None]:
    """Let a thread of ours connect for itself inside, and leave nothing open: from no pool where none may be."""
    try:
        _connect_without_pools()
        yield
    finally:
        connections.close_all()


def _connect_without_pools() -> None:
    if pooling.forbidden_in != os.getpid():
        return
    for alias in connections:
        options = connections.settings[alias]["OPTIONS"]
        if options.get("pool"):
            connection = connections.create_connection(alias)
            unpooled = {name: value for name, value in options.items() if name != "pool"}
            connection.settings_dict = {**connection.settings_dict, "OPTIONS": unpooled}
            connections[alias] = connection


def database_of(instance: models.Model) -> str:
    """Return the database that an object was read from; empty where the site's routers ask that one, too."""
    alias, model = instance._state.db, instance.__class__  # request.user's type is a wrapper's
    usual = (None, router.db_for_read(model), router.db_for_write(model))
    return "" if alias in usual else alias


def instance_of(manager: models.Manager[M], pk: Any, using: str = "") -> M | None:
    """Return an object of the site's, None where there is none; one that the copy has not yet comes from the writer.

    Not the writer first: a model may be one that a router only reads. ``using`` is the only database that is asked.
    Raises what the copy's manager raises.
    """
    if using:
        return manager.using(using).filter(pk=pk).first() if using in connections else None
    instance = manager.filter(pk=pk).first()
    return instance if instance is not None or not has_copy(manager.model) else _written(manager, pk)


def _written(manager: models.Manager[M], pk: Any) -> M | None:
    using = router.db_for_write(manager.model)
    if connections[using].needs_rollback:
        return None
    try:
        with transaction.atomic(using):
            return manager.using(using).filter(pk=pk).first()
    except DatabaseError:  # it is not written here
        return None
