"""``make test``: everything on SQLite, and beside it what asks a database on PostgreSQL and MariaDB where they are
reachable. ``make test-quick``: what needs no server, worker or browser, and a few examples of each property."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
import pymysql

from tests.servers import IN_CI

HERE = Path(__file__).parent
#: What pytest says when no test has the marker: with ARGS=… that may be so.
NONE_COLLECTED = 5
#: Two cores have work for six: many tests wait for workers and browsers.
PROCESSES = "6"
QUICK = "--quick"
#: What ``make test-quick`` runs when nothing else is named: the logic, and the pages of operations.
QUICK_FOLDERS = ("unit", "ops")


def postgresql() -> None:
    host = os.environ.get("TEST_POSTGRES_HOST", "127.0.0.1")
    psycopg.connect(host=host, user=os.environ.get("TEST_POSTGRES_USER", "postgres"), dbname="postgres").close()


def mariadb() -> None:
    host = os.environ.get("TEST_MARIADB_HOST", "127.0.0.1")
    pymysql.connect(host=host, user=os.environ.get("TEST_MARIADB_USER", "root")).close()


def names_tests() -> bool:
    """Return whether files or folders are named, and not options alone."""
    return any(Path(option.partition("::")[0]).exists() for option in sys.argv[1:])


@dataclass(frozen=True)
class Database:
    """One that has tests of its own: those with the marker."""

    name: str
    connect: Callable[[], None]
    marker: str

    def answers(self) -> bool:
        try:
            self.connect()
        except (psycopg.Error, pymysql.Error):
            return False
        return True

    def options(self) -> list[str]:
        """Return pytest's options for the tests; collecting the other files takes longer than many a test."""
        marker = f"pytest.mark.{self.marker}"
        files = [str(path) for path in sorted(HERE.rglob("test_*.py")) if marker in path.read_text()]
        return ["-m", self.marker, *([] if names_tests() else files)]


DATABASES = (Database("PostgreSQL", postgresql, "database"), Database("MariaDB", mariadb, "mariadb"))


def begin(options: list[str], output: IO[bytes] | int | None = None, **environment: str) -> subprocess.Popen:
    # Hundreds of processes import the same modules: what one has compiled serves the others.
    environment = {**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-m", "pytest", *options, *sys.argv[1:]]
    return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


def in_processes(number: str) -> list[str]:
    return ["-n", number, "--dist", "loadgroup"]


def is_compiled(file: Path) -> bool:
    """Return whether pytest has kept what it makes of this file's asserts."""
    return any(file.parent.glob(f"__pycache__/{file.stem}.{sys.implementation.cache_tag}-pytest-*.pyc"))


def compile_once() -> None:
    """Have two processes compile the test files of a fresh clone, half of them each: else each process compiles all."""
    files = [] if names_tests() else [str(file) for file in sorted(HERE.rglob("test_*.py")) if not is_compiled(file)]
    collect = ["--collect-only", "-qq", "-p", "no:cacheprovider"]
    halves = [begin([*collect, *half], subprocess.DEVNULL) for half in (files[::2], files[1::2]) if half]
    for process in halves:
        process.wait()


@dataclass
class Beside:
    """The tests of one database, that run while those on SQLite do; what they print is kept until these are done."""

    database: Database

    def __post_init__(self) -> None:
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
        options = ["-p", "no:cacheprovider", *self.database.options()]
        self.process = begin(options, self.output, TEST_DATABASE=self.database.name.lower())

    def end(self) -> int:
        code = self.process.wait()
        print(f"\nOn {self.database.name}, what depends on it:", flush=True)
        self.output.seek(0)
        sys.stdout.buffer.write(self.output.read())
        sys.stdout.flush()
        return 0 if code == NONE_COLLECTED else code


def missing(database: Database) -> int:
    """Say that a database is not there, and return whether that is a failure."""
    if IN_CI:
        print(f"{database.name} is required in CI")
    else:
        print(f"\n{database.name} is not reachable: its part is left out.")
    return int(IN_CI)


def everything() -> int:
    compile_once()
    here = {database: database.answers() for database in DATABASES}
    beside = [Beside(database) for database, answers in here.items() if answers]
    codes = [begin(in_processes(PROCESSES)).wait()]
    codes += [run.end() for run in beside]
    codes += [missing(database) for database, answers in here.items() if not answers]
    return max(codes)


def main() -> int:
    if QUICK in sys.argv:
        folders = [] if names_tests() else [str(HERE / folder) for folder in QUICK_FOLDERS]
        return begin([*in_processes("2"), *folders]).wait()
    return everything()


sys.exit(main())
