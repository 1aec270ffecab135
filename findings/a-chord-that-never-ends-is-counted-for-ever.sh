#!/usr/bin/env bash
# django-celery-results 2.6.0, celery 5.7.0, Django 5.2.x, SQLite, broker in memory.
# CELERY_RESULT_EXPIRES, and Celery's daily clean-up that goes by it, keep the tables of results from growing without
# end: one would expect it to hold for all three of them.
# What happens: results of tasks and of groups go, the counters of chords stay. One goes when the last member of its
# chord has ended, so each chord of which a member was purged or lost with its worker leaves one for good. A counter has
# no time of its own by which others could delete it.
# Seen: django-celery-results 2.6.0: after the clean-up: 0 results, 0 groups, 1 counter
set -euo pipefail
RESULTS=${RESULTS:-2.6.0}
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "django-celery-results==$RESULTS" "celery==$CELERY" 'Django>=5.2,<5.3'
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import time

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
from django_celery_results.models import ChordCounter, GroupResult, TaskResult  # noqa: E402

app = Celery("shop", broker="memory://", backend="django-db")
app.conf.update(broker_connection_retry_on_startup=True, result_expires=1)


@app.task
def price(number):
    return number


@app.task
def total(prices):
    return sum(prices)


header = chord([price.s(1), price.s(2).set(queue="gone")])(total.s()).parent
header.save()
with start_worker(app, pool="solo", perform_ping_check=False):  # it has the one queue, and the other is purged
    header[0].get(timeout=30)
with app.connection_for_write() as connection:
    connection.default_channel.queue_purge("gone")
time.sleep(1.5)  # all of it has expired
app.backend.cleanup()
left = [model.objects.count() for model in (TaskResult, GroupResult, ChordCounter)]
print(f"django-celery-results {'.'.join(map(str, django_celery_results.VERSION[:3]))}: after the clean-up: "
      f"{left[0]} results, {left[1]} groups, {left[2]} counter{'s' * (left[2] != 1)}")
raise SystemExit(left != [0, 0, 1])
PY
