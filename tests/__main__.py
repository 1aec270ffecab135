"""``make test``: everything on SQLite, then what asks a database on PostgreSQL where one is reachable."""

import contextlib
import os
import subprocess
import sys

from tests.servers import IN_CI


def postgresql() -> bool:
    import psycopg

    host = os.environ.get("TEST_POSTGRES_HOST", "127.0.0.1")
    user = os.environ.get("TEST_POSTGRES_USER", "postgres")
    with contextlib.suppress(psycopg.Error), psycopg.connect(host=host, user=user, dbname="postgres"):
        return True
    return False


#: Two cores have work for three: many tests wait for workers and browsers.
PROCESSES = "3"


def pytest(*options: str, **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-n", PROCESSES, "--dist", "loadgroup", *options, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def main() -> int:
    failed = pytest()
    if postgresql():
        print("\nAgain on PostgreSQL, what asks a database:")
        failed = pytest("-m", "database", TEST_DATABASE="postgresql") or failed
    elif IN_CI:
        print("PostgreSQL is required in CI")
        return 1
    else:
        print("\nPostgreSQL is not reachable: its part is left out.")
    return failed


sys.exit(main())
