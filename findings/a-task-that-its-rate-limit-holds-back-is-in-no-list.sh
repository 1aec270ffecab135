#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own, pool of threads.
# What a worker has taken from its queues is told by `celery inspect`: active runs, scheduled waits for its ETA, and
# reserved is "received, but still waiting to be executed". One would expect that of a task that waits for its rate limit,
# which is just that. (Its documentation warns that such tasks take up what a worker may fetch.)
# What happens: none of the lists has it. It is counted as reserved when its turn comes, which is when it runs. Nor does
# query_task know its id. So there is nothing in the queue, nothing in the worker, and the task may wait for an hour.
# Seen: celery 5.7.0: 4 sent, 1 ran, queue 0, active 0, reserved 0, scheduled 0, query_task 0
set -euo pipefail
folder=$(mktemp -d)
redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >/dev/null & server=$!
trap 'kill $server; wait $server || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==${CELERY:-5.7.0}"
until [ -S "$folder/redis.sock" ]; do sleep 0.1; done
"$folder/env/bin/python" -W ignore - "$folder/redis.sock" <<'PY'
import logging
import os
import sys
import time

import celery
from celery import Celery
from celery.contrib.testing.worker import start_worker
from redis import Redis

logging.disable(logging.CRITICAL)
app = Celery("shop", broker=f"redis+socket://{sys.argv[1]}", backend="cache+memory://")
app.conf.broker_connection_retry_on_startup = True
server = Redis(unix_socket_path=sys.argv[1])
ran = []


@app.task(rate_limit="1/h")
def limited(number):
    ran.append(number)


with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False) as worker:
    ids = [limited.delay(number).id for number in range(4)]
    until = time.monotonic() + 20
    while (server.llen("celery") or not ran) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)
    inspect = app.control.inspect([worker.hostname], timeout=10)
    lists = {name: len(getattr(inspect, name)()[worker.hostname]) for name in ("active", "reserved", "scheduled")}
    lists["query_task"] = len(inspect.query_task(ids)[worker.hostname])
    queue = server.llen("celery")
    print(f"celery {celery.__version__}: 4 sent, {len(ran)} ran, queue {queue}, "
          + ", ".join(f"{name} {number}" for name, number in lists.items()), flush=True)
    os._exit((len(ran), queue, *lists.values()) != (1, 0, 0, 0, 0, 0))
PY
