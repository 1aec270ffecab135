#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own, pool of threads.
# `celery control rate_limit` gives a task another rate while its workers run, where one has been set too low, say: from
# one an hour to a hundred a second. One would expect the tasks that wait for that to run then, as the worker says that the
# new limit is set.
# What happens: what comes from now on goes by the new rate, and what the worker has already waits in a bucket of its own,
# which nobody tells: an hour for each, and later tasks go before them. It is the same when the limit is taken away.
# Seen: celery 5.7.0: at 1/h ran [0]; after "100/s" ran [0, 4]; after no limit ran [0, 4, 5]; waiting: [1, 2, 3]
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


def ran_of(*numbers):
    """Send these; return which have run by some time after the worker took them and ran one more."""
    before, until = len(ran), time.monotonic() + 20
    for number in numbers:
        limited.delay(number)
    while (server.llen("celery") or len(ran) == before) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(2)
    return list(ran)


with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False) as worker:
    def limit(rate):
        ((answer,),) = [reply.values() for reply in app.control.rate_limit(
            limited.name, rate, destination=[worker.hostname], reply=True, timeout=10)]
        assert "ok" in answer, answer

    slow = ran_of(0, 1, 2, 3)
    limit("100/s")
    fast = ran_of(4)
    limit(None)
    free = ran_of(5)
    waiting = [number for number in range(6) if number not in ran]
    print(f'celery {celery.__version__}: at 1/h ran {slow}; after "100/s" ran {fast}; after no limit ran {free}; '
          f"waiting: {waiting}", flush=True)
    os._exit((slow, fast, free) != ([0], [0, 4], [0, 4, 5]))
PY
