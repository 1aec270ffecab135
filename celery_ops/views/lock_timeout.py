"""Reading without waiting long for a lock that somebody holds: a page comes, and says what it could not read.

Nothing of this outlives the request, and nothing is done to a connection that is in a transaction of the site's.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, Final

from django.apps import apps
from django.db import DatabaseError, OperationalError, connections

from ..databases import alias_of
from ..models import ControlRecord, TaskRunRecord

#: Milliseconds that a page waits for a lock on one of its tables.
LOCK_TIMEOUT: Final = 500
#: MariaDB counts in seconds.
LOCK_TIMEOUT_OF_MARIADB: Final = 1
LOCK_NOT_AVAILABLE: Final = "55P03"  # PostgreSQL's code


@contextmanager
def lock_timeout(wanted: bool = True) -> Iterator[None]:
    """Bound what reading the journal and the results waits for locks, if that is ``wanted`` and their database can."""
    with ExitStack() as stack:
        for alias, tables in (_tables() if wanted else {}).items():
            connection = connections[alias]
            if connection.vendor in BOUNDS and not connection.in_atomic_block:
                with suppress(DatabaseError):  # the page's own questions tell what is wrong
                    stack.enter_context(BOUNDS[connection.vendor](connection, tables))
        yield


def _tables() -> dict[str, list[str]]:
    models = [TaskRunRecord, ControlRecord]
    if apps.is_installed("django_celery_results"):
        models.append(apps.get_model("django_celery_results", "TaskResult"))
    tables: dict[str, list[str]] = {}
    for model in models:
        tables.setdefault(alias_of(model), []).append(model._meta.db_table)
    return tables


@contextmanager
def _of_postgresql(connection: Any, tables: list[str]) -> Iterator[None]:
    """Look at each table once: a bound on every statement would be a transaction around each."""
    locked = _locked(connection, tables)

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if any(f'"{table}"' in sql for table in locked):
            raise OperationalError("The table is locked.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def _locked(connection: Any, tables: list[str]) -> list[str]:
    locked = []
    for table in tables:
        try:
            _look(connection, table)
        except OperationalError as error:
            code = getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None)
            if code != LOCK_NOT_AVAILABLE:
                break  # the database is away: the page's own questions find out, and once is enough
            locked.append(table)
        except DatabaseError:
            continue  # there is no such table, which they find out, too
    return locked


def _look(connection: Any, table: str) -> None:
    """Statements that are sent as one text are one transaction, and the bound ends with it. Raises DatabaseError."""
    name = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT}; SELECT FROM {name} LIMIT 0")


@contextmanager
def _of_mysql(connection: Any, tables: list[str]) -> Iterator[None]:
    """MariaDB takes a bound with a statement; MySQL has none for this."""
    seconds = LOCK_TIMEOUT_OF_MARIADB

    def bound(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seconds
        if not (connection.mysql_is_mariadb and sql.startswith("SELECT ")):
            return execute(sql, params, many, context)
        try:
            return execute(f"SET STATEMENT lock_wait_timeout={seconds} FOR {sql}", params, many, context)
        except OperationalError:
            seconds = 0  # the page has waited
            raise

    with connection.execute_wrapper(bound):
        yield


@contextmanager
def _of_sqlite(connection: Any, tables: list[str]) -> Iterator[None]:
    """The driver waits as long as the connection says; the site's own wait is put back."""
    connection.ensure_connection()
    driver = connection.connection
    (before,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute(f"PRAGMA busy_timeout = {min(before, LOCK_TIMEOUT)}")

    def bound(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        try:
            return execute(sql, params, many, context)
        except OperationalError:
            driver.execute("PRAGMA busy_timeout = 0")  # the page has waited
            raise

    try:
        with connection.execute_wrapper(bound):
            yield
    finally:
        if connection.connection is driver:  # it was not closed meanwhile
            driver.execute(f"PRAGMA busy_timeout = {before}")


BOUNDS: Final[dict[str, Callable[[Any, list[str]], AbstractContextManager[None]]]] = {
    "postgresql": _of_postgresql,
    "mysql": _of_mysql,
    "sqlite": _of_sqlite,
}
