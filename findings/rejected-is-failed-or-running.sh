#!/usr/bin/env bash
# celery 5.6.3 and 5.7.0, results in memory.
# A task refuses its message with Reject(requeue=False): it has not failed, and nobody will run it again.
# One would expect a result of its own state, REJECTED, which Celery has a name for.
# What happens: 5.6 writes nothing, so with track_started the result says STARTED for ever; 5.7 writes FAILURE, with Reject
# as the exception. A list of failures has it on one version, and a list of what runs on the other.
# Seen: celery 5.6.3: STARTED
#       celery 5.7.0: FAILURE
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/rejecting.py" <<'PY'
import sys

import celery
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Reject

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
app.conf.task_track_started = True


@app.task(name="shop.refuse", acks_late=True)
def refuse():
    raise Reject("not today", requeue=False)


@app.task(name="shop.after")
def after():
    return "done"


with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
    refused = refuse.delay()
    after.delay().get(timeout=30, disable_sync_subtasks=False)  # one after the other: by now the first is over
    state = refused.state
print(f"celery {celery.__version__}: {state}")
sys.exit(state != sys.argv[1])
PY
for pair in 5.6.3:STARTED 5.7.0:FAILURE; do
  python3 -m venv "$folder/${pair%:*}"
  "$folder/${pair%:*}/bin/pip" install --quiet "celery==${pair%:*}" pytest==8.4.2
  "$folder/${pair%:*}/bin/python" -W ignore "$folder/rejecting.py" "${pair#*:}" 2>/dev/null
done
