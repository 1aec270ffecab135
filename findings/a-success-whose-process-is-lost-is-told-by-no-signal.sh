#!/usr/bin/env bash
# celery 5.6.3 and 5.7.0, filesystem broker and results, prefork worker.
# A task returns, its result is stored, and then its process is lost: killed for its memory, say, while on_success, a
# receiver or the clean-up runs. Whoever follows tasks by signals would expect one that says how it ended.
# What happens: 5.6 sends task_failure, though the result stays SUCCESS. 5.7 sees that the success was stored and takes it
# for what it is, but nothing comes in place of the failure: neither task_success, whose turn was after on_success, nor
# task_postrun nor task_failure. For all that signals say the task runs for ever. Its events do say that it succeeded, of a
# worker that sends some (-E).
# Seen: celery 5.6.3: result SUCCESS, signals: task_prerun task_failure
#       celery 5.7.0: result SUCCESS, signals: task_prerun
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cat > "$folder/shop.py" <<'PY'
import os
import signal

from celery import Celery, Task, signals

os.makedirs("messages", exist_ok=True)
os.makedirs("results", exist_ok=True)
app = Celery("shop", broker="filesystem://", backend=f"file://{os.getcwd()}/results")
app.conf.broker_transport_options = {"data_folder_in": "messages", "data_folder_out": "messages"}


def tell(name):
    def told(sender=None, **_):
        if sender.name != "shop.after":
            with open("told", "a") as file:
                file.write(f"{name} ")

    return told


for name in ("task_prerun", "task_success", "task_failure", "task_retry", "task_postrun"):
    getattr(signals, name).connect(tell(name), weak=False)


class Lost(Task):
    def on_success(self, *_):
        os.kill(os.getpid(), signal.SIGKILL)


@app.task(base=Lost)
def pays():
    return "paid"


@app.task
def after():
    return "after"
PY
cat > "$folder/losing.py" <<'PY'
import subprocess
import sys
import time

import celery
from shop import after, app, pays

COMMAND = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "shop", "worker", "-c", "1", "-P", "prefork", "-l", "INFO"]
open("told", "w").close()
with open("log", "w") as log:
    worker = subprocess.Popen([*COMMAND, "--without-gossip", "--without-mingle"], stdout=log, stderr=log)
try:
    until = time.monotonic() + 90
    while not app.control.ping(timeout=0.5) and time.monotonic() < until:
        pass
    result = pays.delay()
    seen = ("before the worker was lost", "Worker exited prematurely")  # how each version says that it has noticed
    while not any(words in open("log").read() for words in seen) and time.monotonic() < until:
        time.sleep(0.1)
    after.delay().get(timeout=60)
    state = app.AsyncResult(result.id).state
finally:
    worker.terminate()
    worker.wait(60)
told = open("told").read().strip()
print(f"celery {celery.__version__}: result {state}, signals: {told}")
is_new = celery.__version__ >= "5.7"
sys.exit((state, told) != ("SUCCESS", "task_prerun" if is_new else "task_prerun task_failure"))
PY
for version in ${CELERY:-5.6.3 5.7.0}; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet "celery==$version"
  (cd "$folder" && rm -rf messages results && "$folder/$version/bin/python" -W ignore losing.py)
done
