#!/usr/bin/env bash
# Celery 5.7.0: with task_track_started, a task whose start cannot be stored does not run, and its message is gone.
#
# That a task is STARTED is told for those who look; one expects the task to run whether or not the result backend takes
# that, or its message to go back. Celery stores it before it calls the task, and what the backend raises ends the whole:
# the task's function is not called, its message is acknowledged, also with acks_late, and it counts as failed. Of the
# signals task_prerun and task_postrun are sent, the latter with state None, then task_internal_error; task_failure is sent
# by the worker's main process alone, and only if the backend takes the failure there. So a result database that is
# restarted for a second costs the tasks that begin in it, and autoretry_for never sees why. Without task_track_started
# the same tasks run.
#
# Seen:
#   celery 5.7.0, start is stored: ran 0 of 2; signals: failure in main, internal_error, postrun None, prerun; messages left 0
#   celery 5.7.0, start is not stored: ran 2 of 2; messages left 0
#
# Needs no server.
set -euo pipefail
celery="${CELERY:-5.7.0}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "celery==$celery"
cat >"$folder/shop.py" <<'PYTHON'
import os

from billiard import current_process
from celery import Celery, signals
from celery.backends.base import DisabledBackend

FOLDER = os.environ["FOLDER"]


class AwayAtTheStart(DisabledBackend):
    """Like a database that is back a moment later: it is away whenever a process of the pool begins a task."""

    def store_result(self, task_id, result, state, **_):
        if state == "STARTED":
            raise ConnectionError("the database is away")
        if state == "FAILURE" and current_process().name != "MainProcess":
            raise ConnectionError("the database is away")


app = Celery("shop", broker="filesystem://", backend="shop:AwayAtTheStart")
app.conf.broker_transport_options = {
    "data_folder_in": f"{FOLDER}/queue",
    "data_folder_out": f"{FOLDER}/queue",
    "processed_folder": f"{FOLDER}/processed",
    "control_folder": f"{FOLDER}/processed",
}
app.conf.worker_enable_remote_control = False
app.conf.task_track_started = os.environ["TRACKED"] == "yes"


def note(file, words):
    with open(f"{FOLDER}/{file}", "a") as notes:
        notes.write(f"{words}\n")


@app.task(autoretry_for=(ConnectionError,))
def early():
    note("ran", "early")


@app.task(acks_late=True, autoretry_for=(ConnectionError,))
def late():
    note("ran", "late")


@app.task(track_started=False)
def last():
    open(f"{FOLDER}/ended", "w").close()


def is_noted(sender):
    return sender.name != "shop.last"


@signals.task_prerun.connect
def prerun(sender, **_):
    is_noted(sender) and note("signals", "prerun")


@signals.task_postrun.connect
def postrun(sender, state, **_):
    is_noted(sender) and note("signals", f"postrun {state}")


@signals.task_internal_error.connect
def internal_error(sender, **_):
    is_noted(sender) and note("signals", "internal_error")


@signals.task_failure.connect
def failure(sender, **_):
    where = "main" if current_process().name == "MainProcess" else "the pool"
    is_noted(sender) and note("signals", f"failure in {where}")
PYTHON

run() {
  export FOLDER="$folder/$1" TRACKED="$1"
  mkdir "$FOLDER" "$FOLDER/queue" "$FOLDER/processed"
  cp "$folder/shop.py" "$FOLDER"
  cd "$FOLDER"
  touch ran signals
  "$folder/venv/bin/python" -c "import shop; shop.early.delay(); shop.late.delay(); shop.last.delay()"
  C_FORCE_ROOT=1 "$folder/venv/bin/celery" -A shop worker -c 1 -l CRITICAL --without-mingle --without-gossip >/dev/null 2>&1 &
  worker=$!
  for _ in $(seq 120); do [ -e ended ] && break; sleep 0.5; done
  kill "$worker" && wait "$worker" || true
  [ -e ended ] || { echo "the worker did not come to the last task"; exit 2; }
  ran=$(wc -l <ran) left=$(find queue -type f | wc -l)
  told=$(sort -u signals | paste -sd, | sed 's/,/, /g')
}

run yes
echo "celery $celery, start is stored: ran $ran of 2; signals: $told; messages left $left"
first="$ran $left $told"
run no
echo "celery $celery, start is not stored: ran $ran of 2; messages left $left"
[ "$first" = "0 0 failure in main, internal_error, postrun None, prerun" ]
[ "$ran $left" = "2 0" ]
