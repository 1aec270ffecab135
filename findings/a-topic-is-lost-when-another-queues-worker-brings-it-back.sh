#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own, pool of threads.
# What a worker has taken from Redis and not acknowledged when it dies is put back after the visibility timeout, by
# whichever worker looks first. One would expect it in the queue that it was taken from, whoever puts it back.
# What happens: kombu looks up anew where the message's exchange and routing key lead to. Of which kind an exchange is,
# a process knows only if it has declared it, which a worker does for the queues that it consumes; any other counts as
# direct. So when the queue is bound to a topic exchange by a pattern ("orders.#"), and the one who looks first consumes
# other queues (-Q mail), no queue matches: the message is taken from the list of what is unacknowledged and put
# nowhere, without a word in a log. (A process that publishes by exchange and routing key alone loses its message in the
# same way.)
# Seen: celery 5.7.0, kombu 5.7.0: taken by a worker that died: of a direct exchange 1, of a topic exchange 1; put back
#   by a worker of another queue: of a direct exchange 1, of a topic exchange 0; unacknowledged 0
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
from kombu import Exchange, Queue

app = Celery("shop", broker=f"redis+socket://{os.environ['FOLDER']}/redis.sock")
app.conf.task_queues = [
    Queue("bills"),
    Queue("orders", Exchange("shop", type="topic"), routing_key="orders.#"),
    Queue("mail"),
]
app.conf.update(
    broker_transport_options={"visibility_timeout": 2}, broker_connection_retry_on_startup=True, task_acks_late=True,
    task_ignore_result=True, task_default_queue="mail",
)


@app.task
def work():
    time.sleep(600)
PY
cat > "$folder/counting.py" <<'PY'
import json
import subprocess
import sys
import time

import celery
import kombu
from shop import app, work

QUEUES = {"direct": "bills", "topic": "orders"}


def worker(queues):
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "shop", "worker", "-P", "threads", "-c", "2"]
    return subprocess.Popen([*command, "-Q", queues], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(is_so):
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.2)


with app.connection_for_write() as connection:
    redis = connection.default_channel.client
    one = worker("bills,orders")
    work.apply_async(queue="bills")
    work.apply_async(queue="orders", routing_key="orders.eu")
    until(lambda: redis.hlen("unacked") == 2)
    one.kill()
    one.wait()
    keys = [json.loads(message)[2] for message in redis.hvals("unacked")]
    taken = [keys.count("bills"), keys.count("orders.eu")]
    time.sleep(3)  # longer than the visibility timeout
    other = worker("mail")
    until(lambda: redis.hlen("unacked") == 0)
    other.terminate()
    other.wait()
    back = [redis.llen(queue) for queue in QUEUES.values()]
    left = redis.hlen("unacked")


def told(counts):
    return ", ".join(f"of a {kind} exchange {count}" for kind, count in zip(QUEUES, counts))


print(f"celery {celery.__version__}, kombu {kombu.__version__}: taken by a worker that died: {told(taken)}; "
      f"put back by a worker of another queue: {told(back)}; unacknowledged {left}")
raise SystemExit((taken, back, left) != ([1, 1], [1, 0], 0))
PY
cd "$folder"
FOLDER=$folder "$folder/env/bin/python" -W ignore counting.py
