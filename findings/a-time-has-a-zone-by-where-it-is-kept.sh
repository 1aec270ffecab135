#!/usr/bin/env bash
# celery 5.7.0, SQLAlchemy 2.0.x, results in memory, in files and in SQLite.
# AsyncResult.date_done says when a task ended. Where the result is kept is a matter of settings, so one would expect the
# same kind of time from each backend.
# What happens: the backends that write JSON give an aware time in UTC; the database's column has no zone, so the same
# attribute is naive there, and comparing it with an aware one, or with that of a task kept elsewhere, is a TypeError.
# Seen: celery 5.7.0: cache: aware, file: aware, db: naive
set -euo pipefail
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY" 'SQLAlchemy>=2.0,<2.1'
cd "$folder" && mkdir results
"$folder/env/bin/python" -W ignore - <<'PY'
import os

import celery
from celery import Celery


def kept(url):
    """Return what kind of time a result that is kept there ended at."""
    app = Celery("shop", broker="memory://", backend=url)
    app.backend.store_result("an-id", 1, "SUCCESS")
    return "naive" if app.AsyncResult("an-id").date_done.tzinfo is None else "aware"


urls = {"cache": "cache+memory://", "file": f"file://{os.getcwd()}/results", "db": "db+sqlite:///results.sqlite3"}
kinds = {name: kept(url) for name, url in urls.items()}
print(f"celery {celery.__version__}: " + ", ".join(f"{name}: {kind}" for name, kind in kinds.items()))
raise SystemExit(list(kinds.values()) != ["aware", "aware", "naive"])
PY
