#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own, prefork worker.
# A queue may be declared with `expires`: by kombu's documentation it is then deleted after being unused for so long, and
# "unused means that the queue has no consumers", no redeclaration, no basic_get. RabbitMQ has had that for long, and
# kombu 5.7 brought it to Redis. One would expect a queue that a worker consumes all the time to keep its messages.
# What happens: on Redis the list of its messages gets a time to live, which is renewed when something is published and
# when the worker asks for the next message. A worker that is busy asks for none. When its tasks take longer than
# `expires` in all, counted from the last question, what waits is gone, without a word in its log.
# Seen: kombu 5.7.0, expires 3 s: of 5 tasks of 2.5 s each, one at a time, 3 ran; without expires: 5 ran
set -euo pipefail
CELERY=${CELERY:-5.7.0} KOMBU=${KOMBU:-5.7.0}
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==$CELERY" "kombu==$KOMBU"
redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >"$folder/redis.log" & server=$!
until [ -S "$folder/redis.sock" ]; do sleep 0.1; done
cat > "$folder/shop.py" <<'PY'
import os
import time

from celery import Celery
from kombu import Queue

folder, expires = os.environ["FOLDER"], os.environ["EXPIRES"]
app = Celery("shop", broker=f"redis+socket://{folder}/redis.sock")
app.conf.task_queues = [Queue("mail", expires=float(expires) if expires else None)]
app.conf.update(task_default_queue="mail", worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)


@app.task
def send(number):
    time.sleep(2.5)
    with open(f"{folder}/sent", "a") as sent:
        sent.write(f"{number}\n")
PY
cat > "$folder/counting.py" <<'PY'
import os
import subprocess
import sys
import time

from shop import app, folder, send

COMMAND = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "shop", "worker", "-c", "1", "-P", "prefork"]
open(f"{folder}/sent", "w").close()
with open(f"{folder}/log", "w") as log:
    worker = subprocess.Popen([*COMMAND, "--without-gossip", "--without-mingle"], stdout=log, stderr=log)
try:
    until = time.monotonic() + 60
    while not app.control.ping(timeout=0.5) and time.monotonic() < until:
        pass
    for number in range(5):
        send.delay(number)
    time.sleep(5 * 2.5 + 4)  # all of them, one after the other
finally:
    worker.terminate()
    worker.wait(60)
print(len(open(f"{folder}/sent").read().splitlines()))
PY
cd "$folder"
export FOLDER=$folder
ran=$(EXPIRES=3 "$folder/env/bin/python" -W ignore counting.py)
kept=$(EXPIRES='' "$folder/env/bin/python" -W ignore counting.py)
echo "kombu $KOMBU, expires 3 s: of 5 tasks of 2.5 s each, one at a time, $ran ran; without expires: $kept ran"
[ "$ran" -lt 5 ] && [ "$kept" = 5 ]
