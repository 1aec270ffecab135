#!/usr/bin/env bash
# celery 5.7.0, memory broker.
# A caller may give a task a `shadow`, a name for logs: apply_async(..., shadow="sign in").
# One would expect a worker's answers to inspection to keep the task's name in `name` and the shadow beside it.
# What happens: `name` is the shadow, the task's own name is in `type`. Whoever looks up a task, its signature or a
# permission by `name` looks up what the caller chose.
# Seen: celery 5.7.0 / name='sign in' type='shop.login'
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


@app.task(name="shop.login")
def login(user):
    return user


with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
    login.apply_async(("ada",), countdown=300, shadow="sign in")
    for _ in range(50):
        answers = app.control.inspect(timeout=0.5).scheduled() or {}
        items = [item for tasks in answers.values() for item in tasks]
        if items:
            break
request = items[0]["request"]
print(f"celery {celery.__version__} / name={request['name']!r} type={request['type']!r}")
sys.exit((request["name"], request["type"]) != ("sign in", "shop.login"))
PY
