#!/usr/bin/env bash
# celery 5.7.0, memory broker.
# Control commands take `destination`, a list of the workers that are meant.
# One would expect an empty list, as a filter that matched nothing gives, to reach no worker.
# What happens: an empty list counts as none given, and every worker is told.
# Seen: celery 5.7.0 / destination=[] was answered by 1 of 1 workers, destination=['nobody@here'] by 0
set -euo pipefail
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY" "kombu==5.7.0" "pytest==8.4.2"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import celery
from celery.contrib.testing.worker import start_worker

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
    for _ in range(20):
        if app.control.ping(timeout=0.5):
            break
    nobody = app.control.ping(destination=["nobody@here"], timeout=1)
    empty = app.control.ping(destination=[], timeout=1)
print(
    f"celery {celery.__version__} / destination=[] was answered by {len(empty)} of 1 workers, "
    f"destination=['nobody@here'] by {len(nobody)}"
)
sys.exit((len(empty), len(nobody)) != (1, 0))
PY
