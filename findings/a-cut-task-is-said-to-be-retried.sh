#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, filesystem broker, prefork worker.
# A worker gets SIGQUIT (or SIGTERM with REMAP_SIGTERM=SIGQUIT) while a task runs whose message was acknowledged early.
# One would expect its result to say that it ended without one, since nobody will run it again, or the message to be
# sent again, as the documentation of the signal task_retry has it.
# What happens: its result says RETRY for ever and task_retry is sent, without the documented argument "reason", so that
# a receiver written by the documentation raises TypeError. No message is in the queue.
# Seen: celery 5.7.0 / result: RETRY, task_retry's arguments: einfo request, messages: 0
set -euo pipefail
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY"
mkdir "$folder/queue" "$folder/results"
cat > "$folder/shop.py" <<'PY'
import time
from pathlib import Path

from celery import Celery, signals

here = Path(__file__).parent
app = Celery("shop", broker="filesystem://", backend=f"file://{here}/results")
app.conf.broker_transport_options = {"data_folder_in": f"{here}/queue", "data_folder_out": f"{here}/queue"}


@signals.task_retry.connect(weak=False)
def told(sender, **arguments):
    (here / "told").write_text(" ".join(sorted(set(arguments) - {"signal"})))


@app.task
def nap():
    (here / "begun").touch()
    time.sleep(60)
PY
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import signal
import subprocess
import sys
import time
from pathlib import Path

import celery
from shop import app, nap

command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "-c", "1", "--without-gossip", "--without-mingle"]
worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
result = nap.delay()
until = time.monotonic() + 60
while not Path("begun").exists() and time.monotonic() < until:
    time.sleep(0.1)
worker.send_signal(signal.SIGQUIT)
worker.wait(60)
arguments = Path("told").read_text() if Path("told").exists() else None
messages = sum("celery.msg" in path.name for path in Path("queue").iterdir())
print(f"celery {celery.__version__} / result: {result.state}, task_retry's arguments: {arguments}, messages: {messages}")
sys.exit((result.state, arguments, messages) != ("RETRY", "einfo request", 0))
PY
