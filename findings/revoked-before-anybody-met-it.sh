#!/usr/bin/env bash
# celery 5.5.3 and 5.7.0, results in memory.
# A task waits in a queue that nobody consumes. It is revoked; a worker of another queue hears of it.
# One would expect its result to say PENDING until a worker meets the message and drops it.
# What happens: since 5.6 each worker that hears of a revoke writes REVOKED at once, a final state, with neither the
# task's name nor a worker. A worker that starts after that has not heard of the revoke and runs the task.
# Seen: celery 5.5.3: revoked and waiting PENDING, then run by a worker that started later: SUCCESS
#       celery 5.7.0: revoked and waiting REVOKED, then run by a worker that started later: SUCCESS
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/revoking.py" <<'PY'
import sys

import celery
from celery.contrib.testing.worker import start_worker
from celery.worker import state as worker_state

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")


@app.task(name="shop.pack")
def pack():
    return "packed"


def worker(queue):
    worker_state.revoked.clear()  # a new process would begin like that
    return start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30, queues=[queue])


result = pack.apply_async(queue="slow")
with worker("other"):
    for _ in range(20):
        if app.control.revoke(result.id, reply=True, timeout=0.5):
            break
    waiting = result.state
with worker("slow"):
    for _ in range(100):
        if app.backend.get_task_meta(result.id, cache=False)["status"] == "SUCCESS":
            break
        app.control.ping(timeout=0.1)
    final = app.backend.get_task_meta(result.id, cache=False)["status"]
print(f"celery {celery.__version__}: revoked and waiting {waiting}, then run by a worker that started later: {final}")
sys.exit((waiting, final) != (sys.argv[1], "SUCCESS"))
PY
for pair in 5.5.3:PENDING 5.7.0:REVOKED; do
  python3 -m venv "$folder/${pair%:*}"
  "$folder/${pair%:*}/bin/pip" install --quiet "celery==${pair%:*}" pytest==8.4.2
  "$folder/${pair%:*}/bin/python" -W ignore "$folder/revoking.py" "${pair#*:}" 2>/dev/null
done
