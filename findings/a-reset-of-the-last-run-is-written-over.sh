#!/usr/bin/env bash
# Django 5.2.19, celery 5.7.0, django-celery-beat 2.9.0, on SQLite.
# After a change of TIME_ZONE its documentation says to reset the last run of each periodic task, by
# `PeriodicTask.objects.update(last_run_at=None)`, and to tell beat of the change. One would expect beat to read the
# rows then.
# What happens: it first writes the last runs that it holds in memory, of all that it has sent in the last three
# minutes, then reads. Of those the reset is undone, as is whatever else wrote into `last_run_at` meanwhile.
# Seen: celery 5.7.0, django-celery-beat 2.9.0 / sent once, reset to None, beat told: last_run_at is a time again
set -euo pipefail
CELERY=${CELERY:-5.7.0}
BEAT=${BEAT:-2.9.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "Django==5.2.19" "celery==$CELERY" "kombu==5.7.0" "django-celery-beat==$BEAT"
DATABASE="$folder/db.sqlite3" "$folder/env/bin/python" -W ignore - <<'PY' 2>/dev/null
import os
import sys
from datetime import timedelta
from importlib.metadata import version

import celery
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command
from django.utils import timezone

call_command("migrate", verbosity=0)

from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler

app = celery.Celery("shop", broker="memory://")
app.conf.result_expires = None  # no entry of Celery's own
hourly = IntervalSchedule.objects.create(every=1, period="hours")
PeriodicTask.objects.create(
    name="report", task="shop.report", interval=hourly, last_run_at=timezone.now() - timedelta(hours=2)
)
scheduler = DatabaseScheduler(app)
scheduler._do_sync()  # as when beat has run for a while: the next time is three minutes away
for _ in range(3):
    scheduler.tick()
sent = scheduler.schedule["report"].model.total_run_count
PeriodicTask.objects.update(last_run_at=None)
PeriodicTasks.update_changed()
for _ in range(3):
    scheduler.tick()
again = PeriodicTask.objects.get(name="report").last_run_at
print(
    f"celery {celery.__version__}, django-celery-beat {version('django-celery-beat')} / sent {'once' if sent == 1 else sent}, "
    f"reset to None, beat told: last_run_at is {'a time again' if again else again}"
)
sys.exit(not (sent == 1 and again))
PY
