#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own, solo worker.
# A worker that is asked two things by remote control answers each on its own: when it cannot encode its first reply
# (a task with a set among its arguments, say), one would expect the second all the same.
# What happens: the error has the worker close its mailbox and open another, and what waited in the first is lost. So
# inspect questions that are sent together are answered or not by their order.
# Seen: celery 5.7.0: alone: answered; behind a reply that cannot be encoded: lost
set -euo pipefail
CELERY=${CELERY:-5.7.0}
export PORT=${PORT:-17893}
folder=$(mktemp -d)
redis-server --port "$PORT" --save "" --bind 127.0.0.1 --dir "$folder" >/dev/null & server=$!
trap 'kill $server; wait $server || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==$CELERY"
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import os
import threading
import time

import celery
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.worker.control import inspect_command

logging.disable(logging.CRITICAL)
app = Celery("shop", broker=f"redis://127.0.0.1:{os.environ['PORT']}/0")


@inspect_command()
def slow_set(state):
    time.sleep(1)
    return {1, 2}


@inspect_command()
def good(state):
    return "good"


def asked(name):
    return app.control.broadcast(name, reply=True, timeout=4)


def answered(name):
    return "answered" if asked(name) else "lost"


with start_worker(app, pool="solo", perform_ping_check=False):
    alone = answered("good")
    threading.Thread(target=asked, args=("slow_set",), daemon=True).start()
    time.sleep(0.5)  # the worker is at it by then
    behind = answered("good")
print(f"celery {celery.__version__}: alone: {alone}; behind a reply that cannot be encoded: {behind}", flush=True)
os._exit((alone, behind) != ("answered", "lost"))
PY
