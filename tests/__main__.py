"""``make test``: everything on SQLite, then what asks a database on PostgreSQL and MariaDB where they are reachable."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pymysql

from tests.servers import IN_CI


def postgresql() -> None:
    host = os.environ.get("TEST_POSTGRES_HOST", "127.0.0.1")
    psycopg.connect(host=host, user=os.environ.get("TEST_POSTGRES_USER", "postgres"), dbname="postgres").close()


def mariadb() -> None:
    host = os.environ.get("TEST_MARIADB_HOST", "127.0.0.1")
    pymysql.connect(host=host, user=os.environ.get("TEST_MARIADB_USER", "root")).close()


def answers(connect: Callable[[], None]) -> bool:
    try:
        connect()
    except (psycopg.Error, pymysql.Error):
        return False
    return True


HERE = Path(__file__).parent
#: What pytest says when no test has the marker: with ARGS=… that may be so.
NONE_COLLECTED = 5
#: Two cores have work for three: many tests wait for workers and browsers.
PROCESSES = "3"


def pytest(*options: str, **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-n", PROCESSES, "--dist", "loadgroup", *options, *sys.argv[1:]]
    # Hundreds of processes import the same modules: what one has compiled serves the others.
    environment = {**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": ""}
    return subprocess.run(command, env=environment, check=False).returncode


def marked(marker: str) -> list[str]:
    """Return the options for the tests with a marker; collecting the other files takes longer than many a test."""
    files = [str(path) for path in sorted(HERE.rglob("test_*.py")) if f"pytest.mark.{marker}" in path.read_text()]
    return ["-m", marker, *([] if sys.argv[1:] else files)]


def main() -> int:
    codes = [pytest()]
    for name, connect, marker in (("PostgreSQL", postgresql, "database"), ("MariaDB", mariadb, "mariadb")):
        if answers(connect):
            print(f"\nAgain on {name}, what depends on it:")
            code = pytest(*marked(marker), TEST_DATABASE=name.lower())
            codes.append(0 if code == NONE_COLLECTED else code)
        elif IN_CI:
            print(f"{name} is required in CI")
            codes.append(1)
        else:
            print(f"\n{name} is not reachable: its part is left out.")
    return max(codes)


sys.exit(main())
