#!/usr/bin/env bash
# celery 5.5.3 and 5.7.0, filesystem broker, prefork workers.
# `celery control time_limit` sets a task's time limits while a worker runs, and by its documentation "only tasks that
# start executing after the time limit change will be affected". The worker answers that it is done, and `inspect
# registered` shows the new limits. One would expect the next of these tasks to be ended by them.
# What happens: none is. A worker works out how it executes a task's messages, limits included, when it connects to the
# broker, and does not look at the task again before it connects anew.
# Seen: celery 5.5.3: time limits set successfully; with 1 s, one of 3 s: to its end; after it connected anew: ended
#       celery 5.7.0: time limits set successfully; with 1 s, one of 3 s: to its end; after it connected anew: ended
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/shop.py" <<'PY'
import os
import time

from celery import Celery, bootsteps

os.makedirs("messages", exist_ok=True)
os.makedirs("results", exist_ok=True)
app = Celery("shop", broker="filesystem://", backend=f"file://{os.getcwd()}/results")
app.conf.broker_transport_options = {"data_folder_in": "messages", "data_folder_out": "messages"}


class Anew(bootsteps.StartStopStep):
    """Have the worker do what it does when it has connected, once a file is there."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def start(self, parent):
        parent.timer.call_repeatedly(0.2, self.look, (parent,))

    def look(self, parent):
        if os.path.exists("anew"):
            os.remove("anew")
            parent.update_strategies()


app.steps["consumer"].add(Anew)


@app.task
def waits(seconds):
    time.sleep(seconds)
    return "to its end"
PY
cat > "$folder/setting.py" <<'PY'
import os
import subprocess
import sys
import time

import celery
from celery.exceptions import TimeLimitExceeded
from shop import app, waits

COMMAND = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "shop", "worker", "-c", "1", "-P", "prefork"]


def outcome():
    try:
        return waits.delay(3).get(timeout=60)
    except TimeLimitExceeded:
        return "ended"


with open("log", "w") as log:
    worker = subprocess.Popen([*COMMAND, "--without-gossip", "--without-mingle"], stdout=log, stderr=log)
try:
    until = time.monotonic() + 60
    while not app.control.ping(timeout=0.5) and time.monotonic() < until:
        pass
    ((answer,),) = (reply.values() for reply in app.control.time_limit(waits.name, hard=1, reply=True, timeout=5))
    told = outcome()
    open("anew", "w").close()
    while os.path.exists("anew") and time.monotonic() < until + 60:
        time.sleep(0.1)
    told_anew = outcome()
finally:
    worker.terminate()
    worker.wait(60)
print(f"celery {celery.__version__}: {answer['ok']}; with 1 s, one of 3 s: {told}; after it connected anew: {told_anew}")
sys.exit((told, told_anew) != ("to its end", "ended"))
PY
for version in ${CELERY:-5.5.3 5.7.0}; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet "celery==$version"
  (cd "$folder" && rm -rf messages results && "$folder/$version/bin/python" -W ignore setting.py)
done
