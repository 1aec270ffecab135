#!/usr/bin/env bash
# celery 5.5.3 and 5.7.0 with the kombu that each picks, an app with quorum queues of RabbitMQ; no broker is asked.
# A countdown is in seconds and may be a fraction, as a retry's is: apply_async(countdown=0.5), or an ETA within the next
# second. One would expect the task to be sent, to be run soon.
# What happens: with a quorum queue among the app's queues and a topic exchange, Celery has the broker hold the message
# back, for whole seconds. It makes 0 of half a second, and kombu refuses 0: ValueError, "countdown must be a positive
# number". A task that asks to be retried in half a second is rejected for that: its message goes, without a retry. Of
# classic queues the same calls get as far as the broker.
# Seen: celery 5.5.3: quorum: countdown ValueError, ETA ValueError, retry REJECTED; classic: all to the broker
#       celery 5.7.0: quorum: countdown ValueError, ETA ValueError, retry REJECTED; classic: all to the broker
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/look.py" <<'PY'
import logging
from datetime import datetime, timedelta, timezone

import celery
from celery import Celery
from celery.app.trace import build_tracer

logging.disable(logging.CRITICAL)
HALF = timedelta(seconds=0.5)


class Sent(Exception):
    """As far as the broker."""


def outcomes(queue_type):
    """Return what comes of a countdown, an ETA and a retry of half a second."""
    app = Celery("shop", broker="amqp://", backend="disabled://", set_as_current=False)
    app.conf.update(task_default_queue_type=queue_type, task_default_exchange_type="topic")
    reached = []

    def send(producer, name, message, **options):
        reached.append(name)
        raise Sent

    app.amqp.send_task_message = send

    @app.task
    def ship():
        pass

    @app.task(bind=True, throws=(Sent,))
    def again(self):
        raise self.retry(countdown=0.5)

    told = []
    for delay in ({"countdown": 0.5}, {"eta": datetime.now(timezone.utc) + HALF}):
        try:
            ship.apply_async(**delay)
        except Exception as error:
            told.append(type(error).__name__)
    reached.clear()
    trace = build_tracer(again.name, again, app=app)
    info = trace("1", (), {}, {"id": "1", "retries": 0, "called_directly": False, "is_eager": False}).info
    return [*told, "Sent" if reached else info.state if info else None]


quorum, classic = outcomes("quorum"), outcomes("classic")
is_same = (quorum, classic) == (["ValueError", "ValueError", "REJECTED"], ["Sent"] * 3)
print(f"celery {celery.__version__}: quorum: countdown {quorum[0]}, ETA {quorum[1]}, retry {quorum[2]}; "
      f"classic: {'all to the broker' if classic == ['Sent'] * 3 else classic}")
raise SystemExit(not is_same)
PY
code=0
for version in ${CELERY:-5.5.3 5.7.0}; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet "celery==$version"
  "$folder/$version/bin/python" -W ignore "$folder/look.py" || code=1
done
exit "$code"
