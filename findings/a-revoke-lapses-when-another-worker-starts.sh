#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own, solo workers.
# Workers keep ids of revoked tasks in memory. By the documentation 50000 of them, "when the limit has been exceeded,
# the revokes will be active for 10800 seconds (3 hours) before being expired". One would expect a site that has revoked
# one task to be rid of it, whenever it is due.
# What happens: each worker forgets whatever was revoked three hours ago as soon as another one starts and asks it what
# is revoked, be it one id or many. A task that has an ETA later than that, and was revoked, runs after all. So it
# depends on whether somebody has started a worker meanwhile, as each deployment and each autoscaler does. Its result,
# which said REVOKED since the revoke, says SUCCESS then.
# (Here a revoke holds for a second instead of three hours, by CELERY_WORKER_REVOKE_EXPIRES.)
# Seen: celery 5.7.0: revoked, with an ETA: REVOKED, not run; with another worker started meanwhile: REVOKED, run,
#   SUCCESS
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==${CELERY:-5.7.0}" "kombu==${KOMBU:-5.7.0}"
redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >"$folder/redis.log" & server=$!
until [ -S "$folder/redis.sock" ]; do sleep 0.1; done
mkdir "$folder/results"
cat > "$folder/shop.py" <<'PY'
import os

from celery import Celery

folder = os.environ["FOLDER"]
app = Celery("shop", broker=f"redis+socket://{folder}/redis.sock", backend=f"file://{folder}/results")
app.conf.broker_connection_retry_on_startup = True


@app.task(bind=True)
def remind(self):
    open(f"{folder}/{self.request.id}", "w").close()
PY
cat > "$folder/revoking.py" <<'PY'
import os
import subprocess
import sys
import time

import celery
from shop import app, folder, remind


def worker(name):
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "shop", "worker", "-P", "solo", "--without-gossip"]
    return subprocess.Popen([*command, "-n", f"{name}@here"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(is_so):
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.2)


def state_of(task_id):
    return app.AsyncResult(task_id).state


def told(has_another):
    """Return what becomes of a task that is revoked a while before its ETA."""
    workers = [worker("one")]
    until(lambda: app.control.ping(timeout=0.5))
    task_id = remind.apply_async(countdown=20).id
    due = time.monotonic() + 20
    until(lambda: app.control.inspect(timeout=1).query_task(task_id)["one@here"])
    app.control.revoke(task_id)
    until(lambda: state_of(task_id) == "REVOKED")
    said = [state_of(task_id)]
    time.sleep(1.5)  # longer than a revoke holds
    if has_another:
        workers.append(worker("other"))
        until(lambda: len(app.control.ping(timeout=0.5)) == 2)
    time.sleep(due + 2 - time.monotonic())
    for each in workers:
        each.terminate()
        each.wait()
    has_run = os.path.exists(f"{folder}/{task_id}")
    return ", ".join([*said, "run", state_of(task_id)] if has_run else [*said, "not run"])


alone, joined = told(has_another=False), told(has_another=True)
print(f"celery {celery.__version__}: revoked, with an ETA: {alone}; with another worker started meanwhile: {joined}")
raise SystemExit((alone, joined) != ("REVOKED, not run", "REVOKED, run, SUCCESS"))
PY
cd "$folder"
FOLDER=$folder CELERY_WORKER_REVOKE_EXPIRES=1 "$folder/env/bin/python" -W ignore revoking.py
