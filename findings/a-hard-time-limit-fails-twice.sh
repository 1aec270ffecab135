#!/usr/bin/env bash
# Celery 5.7.0: a task that exceeds its hard time limit fails twice: task_failure is sent two times for one attempt.
#
# One failure, one signal, one expects: failures are counted and alarms sent by it. In the prefork pool a hard time limit
# is told to the request by two callbacks, on_timeout when the pool kills the child, and on_failure when the job's result
# comes to be that exception. Since 5.7 the first of them sends task_failure as well; 5.6 sends it once. Both run in the
# worker's main process, with the same id and an equal TimeLimitExceeded. Only the sender's request tells them apart: one
# is sent while the request is on the task's stack, the other while it is not. Whoever counts has to remember ids. A soft
# time limit, which raises in the task's own code, is told once.
#
# Seen:
#   celery 5.7.0: hard 2, soft 1
#
# Needs no server.
set -euo pipefail
celery="${CELERY:-5.7.0}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "celery==$celery"
mkdir "$folder/queue" "$folder/processed"
cat >"$folder/shop.py" <<'PYTHON'
import os
import time

from celery import Celery, signals

FOLDER = os.environ["FOLDER"]
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": f"{FOLDER}/queue",
    "data_folder_out": f"{FOLDER}/queue",
    "processed_folder": f"{FOLDER}/processed",
    "control_folder": f"{FOLDER}/processed",
}
app.conf.worker_enable_remote_control = False


@app.task(time_limit=1)
def hard():
    time.sleep(60)


@app.task(soft_time_limit=1)
def soft():
    time.sleep(60)


@app.task
def last():
    open(f"{FOLDER}/ended", "w").close()


@signals.task_failure.connect
def note(sender, **_):
    with open(f"{FOLDER}/failures", "a") as failures:
        failures.write(f"{sender.name.removeprefix('shop.')}\n")
PYTHON
cd "$folder"
export FOLDER="$folder"
"$folder/venv/bin/python" -c "import shop; shop.hard.delay(); shop.soft.delay(); shop.last.delay()"
C_FORCE_ROOT=1 "$folder/venv/bin/celery" -A shop worker -c 1 -l CRITICAL --without-mingle --without-gossip >/dev/null 2>&1 &
worker=$!
for _ in $(seq 120); do [ -e ended ] && break; sleep 0.5; done
kill "$worker" && wait "$worker" || true
[ -e ended ] || { echo "the worker did not come to the last task"; exit 2; }
hard=$(grep -c '^hard$' failures || true) soft=$(grep -c '^soft$' failures || true)
echo "celery $celery: hard $hard, soft $soft"
[ "$hard $soft" = "2 1" ]
