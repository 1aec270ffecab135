#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, broker in memory, and a RabbitMQ of its own (seen with 3.10; RABBITMQ_SERVER names another).
# A task may be sent with `expires`. By its documentation "when a worker receives an expired task it will mark the task as
# REVOKED", and task_revoked is sent with expired=True. One would expect to be told so of every task that nobody ran in
# time, whatever the broker.
# What happens: Celery gives the message the same time to live, and RabbitMQ keeps to it: it throws the message away, no
# worker receives it, and nothing is said. Its result is PENDING for ever, and no signal ends what its publish began. With
# brokers that do not know of a time to live, Redis or memory, a worker gets it and says REVOKED.
# Seen: celery 5.7.0: expired in memory: REVOKED, signals: task_revoked; in RabbitMQ: PENDING, signals: none
set -euo pipefail
export HOME RABBITMQ_NODE_PORT
RABBITMQ_NODE_PORT=${PORT:-17897}
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
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker

logging.disable(logging.CRITICAL)
told = []
for name in ("task_prerun", "task_revoked"):
    getattr(signals, name).connect(lambda sender, _name=name, **_: told.append((sender.name, _name)), weak=False)


def fate(broker):
    """Send a task and wait until it has expired; return what a worker that starts then has said of it."""
    app = Celery("shop", broker=broker, backend="cache+memory://")
    app.conf.broker_connection_retry_on_startup = True

    @app.task
    def offer():
        pass

    @app.task
    def last():
        pass

    told.clear()
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=60, interval_start=1, interval_step=0)
    result = offer.apply_async(expires=1)
    time.sleep(3)
    with start_worker(app, pool="solo", concurrency=1, perform_ping_check=False):
        last.delay().get(timeout=30)
        time.sleep(1)
        return result.state, [name for task, name in told if task == offer.name]


memory, rabbit = fate("memory://"), fate(f"amqp://guest:guest@127.0.0.1:{os.environ['RABBITMQ_NODE_PORT']}//")
in_memory, in_rabbit = (f"{state}, signals: {' '.join(names) or 'none'}" for state, names in (memory, rabbit))
print(f"celery {celery.__version__}: expired in memory: {in_memory}; in RabbitMQ: {in_rabbit}", flush=True)
os._exit((memory, rabbit) != (("REVOKED", ["task_revoked"]), ("PENDING", [])))
PY
