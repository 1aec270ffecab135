#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own, pool of threads.
# With worker_disable_prefetch a worker takes a message from Redis when it has a thread or process for it, so that what
# waits is there for other workers: one would expect that of all tasks.
# What happens: a task that its rate limit holds back takes no place in the pool, so the worker goes on fetching such
# tasks up to worker_prefetch_multiplier (4) times its concurrency. They lie in it for as long as the limit says, though
# other workers could run them.
# Seen: celery 5.7.0: of 10 tasks, one at a time: 0 fetched ahead; with a rate limit: 4 fetched ahead
set -euo pipefail
CELERY=${CELERY:-5.7.0}
export PORT=${PORT:-17894}
folder=$(mktemp -d)
redis-server --port "$PORT" --save "" --bind 127.0.0.1 --dir "$folder" >/dev/null & server=$!
trap 'kill $server; wait $server || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==$CELERY"
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import os
import time

import celery
from celery import Celery
from celery.contrib.testing.worker import start_worker
from redis import Redis

logging.disable(logging.CRITICAL)
app = Celery("shop", broker=f"redis://127.0.0.1:{os.environ['PORT']}/0", backend="cache+memory://")
app.conf.update(worker_disable_prefetch=True, broker_connection_retry_on_startup=True)
server = Redis(port=int(os.environ["PORT"]))


@app.task
def slow():
    time.sleep(8)


@app.task(rate_limit="1/m")
def limited():
    pass


def fetched_ahead(task):
    """Send ten to a worker with one thread; return how many it has by the time that it has begun one."""
    server.flushdb()
    for _number in range(10):
        task.delay()
    with start_worker(app, pool="threads", concurrency=1, perform_ping_check=False):
        time.sleep(4)
        return 9 - server.llen("celery")


by_rate, by_places = fetched_ahead(limited), fetched_ahead(slow)
print(f"celery {celery.__version__}: of 10 tasks, one at a time: {by_places} fetched ahead; "
      f"with a rate limit: {by_rate} fetched ahead", flush=True)
os._exit((by_places, by_rate) != (0, 4))
PY
