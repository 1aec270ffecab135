#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, quorum queues, a RabbitMQ of its own (seen with 3.10; RABBITMQ_SERVER names another).
# Two quorum queues of one topic exchange, with the routing keys "orders" and "eu.orders". What is sent to the one with
# "eu.orders" goes there and nowhere else: no pattern is in either key. One would expect that to stay so.
# What happens: a worker with quorum queues prepares the broker to hold messages back that have an ETA. Such a message
# comes with its delay before its routing key, so each queue is bound to its exchange once more, by "#." and its key. That
# is a pattern, and "#.orders" matches "eu.orders". So from the first start of a worker on each task for "eu.orders" is in
# both queues and runs twice, with an ETA or without; the bindings stay when the worker has gone.
# Seen: celery 5.7.0: one task sent to eu.orders: before a worker started in eu.orders, after that in eu.orders orders
set -euo pipefail
export HOME RABBITMQ_NODE_PORT
RABBITMQ_NODE_PORT=${PORT:-17895}
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
trap 'kill $server 2>/dev/null || cat "$HOME/out"; wait $server || true; rm -rf "$HOME"' EXIT
python3 -m venv "$HOME/env"
"$HOME/env/bin/pip" install --quiet "celery==${CELERY:-5.7.0}"
cd "$HOME"
"$HOME/env/bin/python" -W ignore - <<'PY'
import logging
import os
import time

import celery
from celery import Celery
from celery.contrib.testing.worker import start_worker
from kombu import Exchange, Queue

logging.disable(logging.CRITICAL)
NAMES = ("eu.orders", "orders")
shop = Exchange("shop", type="topic")
queues = [Queue(name, shop, routing_key=name, queue_arguments={"x-queue-type": "quorum"}) for name in NAMES]
app = Celery("shop", broker=f"amqp://guest:guest@127.0.0.1:{os.environ['RABBITMQ_NODE_PORT']}//")
app.conf.update(
    task_queues=queues, task_default_queue="orders", broker_connection_retry_on_startup=True, task_ignore_result=True
)


@app.task
def ship():
    pass


def places_of_one():
    """Send one task to eu.orders; return the queues that have it."""
    ship.apply_async(queue="eu.orders")
    time.sleep(2)
    with app.connection_for_read() as connection:
        return " ".join(name for name in NAMES if connection.default_channel.queue_purge(name))


with app.connection_for_write() as connection:
    connection.ensure_connection(max_retries=60, interval_start=1, interval_step=0)
    for queue in queues:
        queue(connection.default_channel).declare()
before = places_of_one()
with start_worker(app, pool="solo", concurrency=1, perform_ping_check=False):
    time.sleep(3)
after = places_of_one()
print(f"celery {celery.__version__}: one task sent to eu.orders: before a worker started in {before}, "
      f"after that in {after}", flush=True)
os._exit((before, after) != ("eu.orders", "eu.orders orders"))
PY
