#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, redis 8.1.0, a redis-server of its own.
# A publisher keeps its connection: Celery takes a producer from a pool, kombu a channel, redis-py a socket.
# One would expect that the client object, which says how each command's reply is read, is kept beside the socket.
# What happens: kombu makes a new redis.Redis for each message, which only borrows the pool of sockets. redis-py fills
# each one's table of replies anew, more than 150 names in a dict without regard to case, which is about a sixth of what
# `delay()` takes.
# Seen: kombu 5.7.0, redis 8.1.0: 100 messages over 1 connection made 100 clients, 169 names entered in each, 16 % of the time
set -euo pipefail
CELERY=${CELERY:-5.7.0} KOMBU=${KOMBU:-5.7.0} REDIS=${REDIS:-8.1.0}
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==$CELERY" "kombu==$KOMBU" "redis==$REDIS"
redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >"$folder/redis.log" & server=$!
until [ -S "$folder/redis.sock" ]; do sleep 0.1; done
cd "$folder"
FOLDER=$folder "$folder/env/bin/python" -W ignore - <<'PY'
import os
import sys
import time

import kombu
import redis
from celery import Celery

app = Celery("shop", broker=f"redis+socket://{os.environ['FOLDER']}/redis.sock")
MESSAGES = 100
clients, spent = [], [0.0]


@app.task
def send(number):
    return number


for number in range(20):
    send.delay(number)  # whatever is made once
initialise = redis.Redis.__init__


def counted(self, *args, **kwargs):
    begin = time.thread_time()
    initialise(self, *args, **kwargs)
    spent[0] += time.thread_time() - begin
    clients.append(len(self.response_callbacks))


redis.Redis.__init__ = counted
begin = time.thread_time()
for number in range(MESSAGES):
    send.delay(number)
taken = time.thread_time() - begin
with app.producer_pool.acquire() as producer:
    connected = producer.channel.pool._available_connections
print(
    f"kombu {kombu.__version__}, redis {redis.__version__}: {MESSAGES} messages over {len(connected)} connection made "
    f"{len(clients)} clients, {max(clients, default=0)} names entered in each, {100 * spent[0] / taken:.0f} % of the time"
)
sys.exit(not (len(clients) == MESSAGES and len(connected) == 1 and min(clients) > 150))
PY
