#!/usr/bin/env bash
# celery 5.7.0, results in memory.
# A task that retries is sent once more under the same id. Its result lists its children: the tasks that it launched.
# One would expect a task that launched nothing to have no children.
# What happens: the message of the retry counts as a child, so while it waits the task is listed as a child of itself.
# Whoever follows children from task to task goes round in a circle.
# Seen: celery 5.7.0 / RETRY, its children are itself: True
set -euo pipefail
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY" "kombu==5.7.0" "pytest==8.4.2"
"$folder/env/bin/python" -W ignore - <<'PY' 2>/dev/null
import sys

import celery
from celery.contrib.testing.worker import start_worker

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")


@app.task(name="shop.call", bind=True)
def call(self):
    raise self.retry(countdown=300)


@app.task(name="shop.after")
def after():
    return "done"


with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
    result = call.delay()
    after.delay().get(timeout=30, disable_sync_subtasks=False)
    meta = app.backend.get_task_meta(result.id)
state, children = meta["status"], [task_id for (task_id, _parent), _members in meta["children"]]
print(f"celery {celery.__version__} / {state}, its children are itself: {children == [result.id]}")
sys.exit((state, children) != ("RETRY", [result.id]))
PY
