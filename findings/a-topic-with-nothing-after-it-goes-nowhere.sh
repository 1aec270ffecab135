#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, a redis-server of its own, and a RabbitMQ of its own (seen with 3.10; RABBITMQ_SERVER names
# another).
# A queue bound to a topic exchange by "orders.#" gets what is sent with "orders.eu" and "orders.eu.new". Celery's guide
# to routing says that # stands for zero or more words, so one would expect it to get "orders" as well.
# What happens: in RabbitMQ it does. On Redis, and on every other broker whose exchanges kombu plays itself, # is at
# least one word after its dot (as its own class says, "one or more words"), no queue matches, and the message is
# dropped, though the call names the queue: it returns an id, no error and no warning is to be seen, and the result is
# PENDING for ever. A site that moves from RabbitMQ to Redis loses those tasks.
# Seen: celery 5.7.0, kombu 5.7.0: amqp: orders 1, orders.eu 1, orders.eu.new 1; redis: orders 0, orders.eu 1,
#   orders.eu.new 1
set -euo pipefail
export HOME RABBITMQ_NODE_PORT
RABBITMQ_NODE_PORT=${PORT:-17885}
HOME=$(mktemp -d)
export RABBITMQ_NODENAME=findings$RABBITMQ_NODE_PORT@localhost RABBITMQ_DIST_PORT=$((RABBITMQ_NODE_PORT + 1))
export RABBITMQ_MNESIA_BASE=$HOME/data RABBITMQ_LOG_BASE=$HOME/log
# nothing of the machine's own: not its settings, and no plugins
export RABBITMQ_CONFIG_FILE=$HOME/rabbitmq.conf RABBITMQ_ADVANCED_CONFIG_FILE=$HOME/advanced.config
export RABBITMQ_CONF_ENV_FILE=$HOME/env.conf RABBITMQ_ENABLED_PLUGINS_FILE=$HOME/plugins
echo "listeners.tcp.1 = 127.0.0.1:$RABBITMQ_NODE_PORT" >"$RABBITMQ_CONFIG_FILE"
echo "[]." >"$RABBITMQ_ENABLED_PLUGINS_FILE"
# Debian's rabbitmq-server changes the user, and with that all of this
server=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x "$server" ] || server=rabbitmq-server
"${RABBITMQ_SERVER:-$server}" >"$HOME/out" 2>&1 & server=$!
redis-server --port 0 --unixsocket "$HOME/redis.sock" --save "" --dir "$HOME" >/dev/null & redis=$!
trap 'kill $redis; kill $server 2>/dev/null || cat "$HOME/out"; wait $redis $server || true; rm -rf "$HOME"' EXIT
python3 -m venv "$HOME/env"
"$HOME/env/bin/pip" install --quiet "celery[redis]==${CELERY:-5.7.0}" "kombu==${KOMBU:-5.7.0}"
until [ -S "$HOME/redis.sock" ]; do sleep 0.1; done
cd "$HOME"
"$HOME/env/bin/python" - <<'PY'
import os
import time

import celery
import kombu
from celery import Celery
from kombu import Exchange, Queue

KEYS = ("orders", "orders.eu", "orders.eu.new")
BROKERS = {
    "amqp": f"amqp://guest:guest@127.0.0.1:{os.environ['RABBITMQ_NODE_PORT']}//",
    "redis": f"redis+socket://{os.environ['HOME']}/redis.sock",
}


def arrived(broker):
    """Send a task with each key; return how many of each are in the queue."""
    app = Celery("shop", broker=broker, set_as_current=False)
    app.conf.task_queues = [Queue("orders", Exchange("shop", type="topic"), routing_key="orders.#")]
    counts = []
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=60, interval_start=1, interval_step=0)
        queue = app.conf.task_queues[0](connection.default_channel)
        queue.declare()
        for key in KEYS:
            app.send_task("shop.ship", queue="orders", routing_key=key)
            time.sleep(1)
            counts.append(queue.purge())
    app.close()
    return counts


seen = {name: arrived(broker) for name, broker in BROKERS.items()}
print(f"celery {celery.__version__}, kombu {kombu.__version__}: " + "; ".join(
    f"{name}: " + ", ".join(f"{key} {count}" for key, count in zip(KEYS, counts)) for name, counts in seen.items()))
raise SystemExit(seen != {"amqp": [1, 1, 1], "redis": [0, 1, 1]})
PY
