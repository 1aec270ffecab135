"""A database of this run's own with a year of results, and the site's results read from there for as long."""

import contextlib
import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connections, router
from django_celery_results.models import TaskResult

from .timing import sized

ALIAS = "results"
VENDORS = ("sqlite", "postgresql")
ROWS = int(os.environ.get("BENCHMARK_ROWS", sized(200_000, quick=5_000)))
HOST = os.environ.get("TEST_POSTGRES_HOST", "127.0.0.1")
USER = os.environ.get("TEST_POSTGRES_USER", "postgres")
NAMES = [f"shop.{module}.{task}" for module in ("orders", "mail", "stock", "reports") for task in "abcde"]
WORKERS = [f"celery@web-{number}" for number in range(8)]
BEGIN = datetime.now(timezone.utc) - timedelta(days=365)
COLUMNS = [
    "task_id",
    "task_name",
    "task_args",
    "task_kwargs",
    "status",
    "worker",
    "content_type",
    "content_encoding",
    "result",
    "date_created",
    "date_started",
    "date_done",
    "traceback",
    "meta",
]


def task_id(number: int) -> str:
    return str(uuid.UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128))


def rows(number: int = ROWS) -> Iterator[tuple]:
    """Yield a year of results, oldest first: three in a hundred failed, some run, none was revoked."""
    for index in range(number):
        mixed = index * 2_654_435_761 % 2**32 >> 8
        created = BEGIN + timedelta(days=365) * (index / number)
        state = "STARTED" if index > number - 5 else "FAILURE" if mixed % 33 == 0 else "SUCCESS"
        error = {"exc_type": "ValueError", "exc_message": [f"no customer {index}"], "exc_module": "builtins"}
        yield (
            task_id(index),
            NAMES[mixed // 100 % len(NAMES)],
            json.dumps(f"({index}, 'a few words')"),
            json.dumps(f"{{'customer': {index % 5000}}}"),
            state,
            WORKERS[mixed // 2000 % len(WORKERS)],
            "application/json",
            "utf-8",
            json.dumps(error if state == "FAILURE" else {"number": index, "ok": True}),
            created,
            created + timedelta(seconds=1),
            created + timedelta(seconds=3),
            'File "/srv/shop/tasks.py", line 12, in charge\n' * 20 if state == "FAILURE" else None,
            '{"children": []}',
        )


@contextlib.contextmanager
def table(vendor: str, number: int = ROWS) -> Iterator[None]:
    """The site reads its results from a filled table of a database of this vendor."""
    with {"sqlite": _sqlite, "postgresql": _postgresql}[vendor]() as settings:
        made = connections.configure_settings({"default": connections["default"].settings_dict, ALIAS: settings})
        connections.settings[ALIAS] = made[ALIAS]
        before, router.routers = router.routers, [_Router()]
        try:
            call_command("migrate", database=ALIAS, run_syncdb=True, verbosity=0)
            _fill(vendor, number)
            yield
        finally:
            router.routers = before
            connections[ALIAS].close()
            del connections[ALIAS], connections.settings[ALIAS]


class _Router:
    def db_for_read(self, model: type, **hints: object) -> str | None:
        return ALIAS if model is TaskResult else None

    db_for_write = db_for_read


@contextlib.contextmanager
def _sqlite() -> Iterator[dict]:
    with tempfile.TemporaryDirectory(prefix="celery-ops-benchmark-") as folder:
        yield {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(folder) / "results.sqlite3")}


@contextlib.contextmanager
def _postgresql() -> Iterator[dict]:
    name = f"celery_ops_benchmark_{uuid.uuid4().hex[:8]}"
    with _administration() as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield {"ENGINE": "django.db.backends.postgresql", "NAME": name, "HOST": HOST, "USER": USER}
        finally:
            admin.execute(f"DROP DATABASE {name}")


def _administration() -> psycopg.Connection:
    return psycopg.connect(host=HOST, user=USER, dbname="postgres", autocommit=True)


def is_reachable(vendor: str) -> bool:
    if vendor == "sqlite":
        return True
    with contextlib.suppress(psycopg.Error), _administration():
        return True
    return False


def _fill(vendor: str, number: int) -> None:
    columns, target = ", ".join(COLUMNS), TaskResult._meta.db_table
    with connections[ALIAS].cursor() as cursor:
        if vendor == "postgresql":
            with cursor.copy(f"COPY {target} ({columns}) FROM STDIN") as copy:
                for row in rows(number):
                    copy.write_row(row)
            cursor.execute(f"VACUUM ANALYZE {target}")
        else:
            adapted = (tuple(map(_adapted, row)) for row in rows(number))
            places = ", ".join(["%s"] * len(COLUMNS))
            cursor.execute("BEGIN")
            cursor.executemany(f"INSERT INTO {target} ({columns}) VALUES ({places})", adapted)
            cursor.execute("COMMIT")


def _adapted(value: object) -> object:
    return connections[ALIAS].ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
