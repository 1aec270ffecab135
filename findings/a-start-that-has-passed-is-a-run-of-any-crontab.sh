#!/usr/bin/env bash
# django-celery-beat 2.9.0, celery 5.7.0, Django 5.2, SQLite, USE_TZ = True.
# An entry of a crontab that comes once a day, half a day from now, never ran. It has a start, one minute ago.
# One would expect a start to say from when on the crontab holds: the entry is due half a day from now.
# What happens: it is due at once, and beat sends it. Without a start, or with a last run, it is not. (For the start,
# the last run that never was is put 30 years back, and a crontab counts from there.)
# Seen: django-celery-beat 2.9.0 / started and never ran: due / no start: not due / ran ten hours ago: not due
set -euo pipefail
BEAT=${BEAT:-2.9.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "django-celery-beat==$BEAT" "celery==${CELERY:-5.7.0}" "django>=5.2,<5.3"
cd "$folder"
cat > site_settings.py <<'PY'
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}
INSTALLED_APPS = ["django_celery_beat"]
USE_TZ = True
PY
DJANGO_SETTINGS_MODULE=site_settings "$folder/env/bin/python" -W ignore - <<'PY'
import sys
from datetime import timedelta
from importlib.metadata import version

import django

django.setup()

from celery import Celery
from django.core.management import call_command
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask
from django_celery_beat.schedulers import ModelEntry

call_command("migrate", verbosity=0)
app = Celery("shop")
now = timezone.now()
later = now + timedelta(hours=12)
daily = CrontabSchedule.objects.create(minute=later.minute, hour=later.hour, timezone="UTC")
answers = []
for words, about in (
    ("started and never ran", {"start_time": now - timedelta(minutes=1)}),
    ("no start", {}),
    ("ran ten hours ago", {"start_time": now - timedelta(minutes=1), "last_run_at": now - timedelta(hours=10)}),
):
    task = PeriodicTask.objects.create(name=words, task="shop.report", crontab=daily, **about)
    is_due, _seconds = ModelEntry(task, app=app).is_due()
    answers.append((words, is_due))
print(f"django-celery-beat {version('django-celery-beat')}", *(f"{w}: {'due' if due else 'not due'}" for w, due in answers), sep=" / ")
sys.exit([due for _words, due in answers] != [True, False, False])
PY
