#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, memory broker, solo and prefork workers.
# The signal worker_shutdown is documented as "dispatched when the worker is about to shut down": what a library has
# buffered in the worker's main process is written there.
# What happens: it comes with a warm shutdown (SIGTERM) and not with a cold one (SIGQUIT). worker_shutting_down comes
# with both, inside of the signal's handler, where no lock that the main thread may hold can be waited for.
# Seen: celery 5.7.0 / SIGTERM: worker_shutting_down worker_shutdown; SIGQUIT: worker_shutting_down
set -euo pipefail
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY"
cat > "$folder/shop.py" <<'PY'
import os

from celery import Celery, signals

app = Celery("shop", broker="memory://")


def tell(name):
    def told(**_):
        with open("told", "a") as file:
            file.write(f"{name} ")

    return told


for name in ("worker_ready", "worker_shutting_down", "worker_shutdown"):
    getattr(signals, name).connect(tell(name), weak=False)
PY
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import signal
import subprocess
import sys
import time
from pathlib import Path

import celery

COMMAND = [sys.executable, "-m", "celery", "-A", "shop", "worker", "-c", "1", "--without-gossip", "--without-mingle"]
told = Path("told")


def ended_by(number):
    told.write_text("")
    worker = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while "worker_ready" not in told.read_text() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(0.5)  # its handlers stand by then
    worker.send_signal(number)
    worker.wait(60)
    return told.read_text().replace("worker_ready", "").strip()


warm, cold = ended_by(signal.SIGTERM), ended_by(signal.SIGQUIT)
print(f"celery {celery.__version__} / SIGTERM: {warm}; SIGQUIT: {cold}")
sys.exit((warm, cold) != ("worker_shutting_down worker_shutdown", "worker_shutting_down"))
PY
