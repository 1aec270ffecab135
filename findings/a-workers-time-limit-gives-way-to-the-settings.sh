#!/usr/bin/env bash
# celery 5.5.3 and 5.7.0, filesystem broker, prefork workers.
# A site has task_time_limit = 60 for all tasks, and starts one worker with --time-limit=1 (or another, of long tasks,
# with a larger one). One would expect the command line of a worker to go before the settings, as it does for everything
# else, and as it did for this.
# What happens: since 5.7 the settings' limits are those of each task, and who publishes puts a task's limits into the
# message, where a worker lets them go before its own. So the option has no effect wherever the publisher's settings have
# a limit, and a message that waits in the queue keeps the limit that was set when it was sent.
# Seen: celery 5.5.3: its message says [None, None]; settings 60 s, worker 1 s: one of 3 s is ended
#       celery 5.7.0: its message says [60, None]; settings 60 s, worker 1 s: one of 3 s runs to its end
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/shop.py" <<'PY'
import os
import time

from celery import Celery, signals

os.makedirs("messages", exist_ok=True)
os.makedirs("results", exist_ok=True)
app = Celery("shop", broker="filesystem://", backend=f"file://{os.getcwd()}/results")
app.conf.broker_transport_options = {"data_folder_in": "messages", "data_folder_out": "messages"}
app.conf.task_time_limit = 60
carried = []


@signals.before_task_publish.connect
def note(headers, **_):
    carried.append(headers["timelimit"])


@app.task
def waits(seconds):
    time.sleep(seconds)
    return "runs to its end"
PY
cat > "$folder/limiting.py" <<'PY'
import subprocess
import sys
import time

import celery
from celery.exceptions import TimeLimitExceeded
from shop import app, carried, waits

COMMAND = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "shop", "worker", "-c", "1", "-P", "prefork"]
with open("log", "w") as log:
    options = ["--time-limit=1", "--without-gossip", "--without-mingle"]
    worker = subprocess.Popen([*COMMAND, *options], stdout=log, stderr=log)
try:
    until = time.monotonic() + 60
    while not app.control.ping(timeout=0.5) and time.monotonic() < until:
        pass
    try:
        told = waits.delay(3).get(timeout=60)
    except TimeLimitExceeded:
        told = "is ended"
finally:
    worker.terminate()
    worker.wait(60)
said = f"its message says {list(carried[0])}; settings 60 s, worker 1 s: one of 3 s {told}"
print(f"celery {celery.__version__}: {said}")
is_new = celery.__version__ >= "5.7"
sys.exit(told != ("runs to its end" if is_new else "is ended"))
PY
for version in ${CELERY:-5.5.3 5.7.0}; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet "celery==$version"
  (cd "$folder" && rm -rf messages results && "$folder/$version/bin/python" -W ignore limiting.py)
done
