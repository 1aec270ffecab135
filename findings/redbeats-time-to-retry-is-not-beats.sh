#!/usr/bin/env bash
# celery-redbeat 2.4.2, celery 5.7.0, redis-py as celery[redis] picks it, a redis-server of its own.
# redbeat_redis_options = {"retry_period": 60}: by its documentation the connection is then retried for 60 seconds, for
# ever with -1. One would expect beat to outlast a Redis that is away for three seconds, as for a restart.
# What happens: a command that is given to redbeat's client is tried again, and is answered when Redis is back. But beat
# gives it none: at each tick it extends its lock, and reads and writes entries in pipelines, and both go past what
# retries. The error of the first tick without Redis ends beat, and nothing is sent from then on unless somebody starts
# it anew. Without a lock (redbeat_lock_key = None) it is the same.
# Seen: celery-redbeat 2.4.2, retry_period 60, Redis away for 3 s: a command of its client: answered; beat: ended; beat
#   without a lock: ended
set -euo pipefail
folder=$(mktemp -d)
serve() { redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >/dev/null & server=$!; }
trap 'kill "${server:-}" ${beats:-} 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==${CELERY:-5.7.0}" "celery-redbeat==${REDBEAT:-2.4.2}"
cat > "$folder/shop.py" <<'PY'
import os

from celery import Celery

app = Celery("shop", broker="memory://")
app.conf.update(
    redbeat_redis_url=f"unix://{os.environ['FOLDER']}/redis.sock", redbeat_redis_options={"retry_period": 60},
    redbeat_lock_key=os.environ.get("LOCK"), beat_max_loop_interval=1, task_ignore_result=True,
    beat_schedule={"tidy": {"task": "shop.tidy", "schedule": 3600}},
)
PY
cat > "$folder/asking.py" <<'PY'
import time

from redbeat.schedulers import get_redis
from shop import app

client = get_redis(app)
open("asks", "w").close()
while client.zcard("redbeat::schedule") == 1:  # until the Redis that knows no entry answers, or an error is raised
    time.sleep(0.1)
PY
cd "$folder"
export FOLDER=$folder PYTHONUNBUFFERED=1
beat() { exec env/bin/python -W ignore -m celery -A shop beat -S redbeat.RedBeatScheduler -l debug >"$1" 2>&1; }
until_says() { for _ in $(seq 300); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.1; done; cat "$2"; exit 1; }
serve
until [ -S redis.sock ]; do sleep 0.1; done
LOCK=lock beat locked.log & locked=$!
beat free.log & free=$!
beats="$locked $free"
until_says "Selecting tasks" locked.log
until_says "Selecting tasks" free.log
env/bin/python -W ignore asking.py & asking=$!
until [ -e asks ]; do sleep 0.1; done
sleep 1
kill "$server" && wait "$server"
sleep 3
serve
sleep 10
ends() { kill -0 "$1" 2>/dev/null && echo "runs" || echo "ended"; }
wait "$asking" && asked=answered || asked=raised
seen="a command of its client: $asked; beat: $(ends $locked); beat without a lock: $(ends $free)"
grep -q ConnectionError locked.log && grep -q ConnectionError free.log
echo "celery-redbeat ${REDBEAT:-2.4.2}, retry_period 60, Redis away for 3 s: $seen"
[ "$seen" = "a command of its client: answered; beat: ended; beat without a lock: ended" ]
