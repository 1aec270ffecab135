#!/usr/bin/env bash
# django-celery-results 2.6.0, celery 5.7.0, Django 5.2.x, SQLite, solo worker, broker in memory.
# Brokers deliver at least once: after a visibility timeout or a worker's death a message comes again, and a task that
# is acknowledged late runs twice. Results say of a chord's header which tasks have ended, so one would expect its body
# when all of them have.
# What happens: each end takes one from a counter, whoever ended. A member that runs twice brings it to zero while
# another has yet to run; the counter is deleted, and since not all are ready, nothing is sent. When the last one ends
# there is no counter any more, which is a warning in its worker's log. The body never runs, and nothing fails. With
# results in Redis, where the members that have ended are a set, it does run.
# Seen: django-celery-results 2.6.0: each once: ['SUCCESS', 'SUCCESS'], body ran; one twice: ['SUCCESS', 'SUCCESS'], body never ran
set -euo pipefail
RESULTS=${RESULTS:-2.6.0}
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "django-celery-results==$RESULTS" "celery==$CELERY" 'Django>=5.2,<5.3'
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import copy
import logging

import django
from celery import Celery, chord
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.core.management import call_command

logging.disable(logging.CRITICAL)
settings.configure(
    INSTALLED_APPS=["django_celery_results"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "results.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
call_command("migrate", verbosity=0)
import django_celery_results  # noqa: E402

app = Celery("shop", broker="memory://", backend="django-db")
app.conf.update(task_acks_late=True, broker_connection_retry_on_startup=True)
totals = []


@app.task
def price(number):
    return number


@app.task
def total(prices):
    totals.append(sum(prices))


def ran(deliveries):
    """Run a chord of two whose members come that often each; return their states, and whether the body ran."""
    totals.clear()
    header = chord([price.s(1), price.s(2)])(total.s()).parent
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue("celery")
        waiting = [queue.get(timeout=5) for _member in header]
        for message in waiting:
            message.ack()
        for message, times in zip(waiting, deliveries):
            for _time in range(times):
                queue.producer.publish(
                    copy.deepcopy(message.body),
                    routing_key="celery",
                    content_type=message.content_type,
                    content_encoding=message.content_encoding,
                    headers=message.headers,
                    correlation_id=message.properties["correlation_id"],
                )
    end = price.delay(0)  # behind them all, and before the body
    with start_worker(app, pool="solo", perform_ping_check=False):
        end.get(timeout=30)
        price.delay(0).get(timeout=30)  # behind the body
    return [member.state for member in header], "ran" if totals == [3] else "never ran"


once, twice = ran((1, 1)), ran((2, 1))
print(f"django-celery-results {'.'.join(map(str, django_celery_results.VERSION[:3]))}: "
      f"each once: {once[0]}, body {once[1]}; one twice: {twice[0]}, body {twice[1]}")
good = ["SUCCESS", "SUCCESS"]
raise SystemExit((once, twice) != ((good, "ran"), (good, "never ran")))
PY
