#!/usr/bin/env bash
# django-celery-results 2.6.0, celery 5.7.0, Django 5.2, SQLite, USE_TZ = False, TIME_ZONE = "Asia/Tokyo".
# A worker stores that a task has started, and a moment later that it has ended.
# One would expect date_started to lie between date_created and date_done.
# What happens: date_started is written by the database's own Now(), which is UTC in SQLite, and the other two by Django
# in the site's zone: the task starts nine hours before it was created.
# Seen: django-celery-results 2.6.0 / started 9 hours before created
set -euo pipefail
RESULTS=${RESULTS:-2.6.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "django-celery-results==$RESULTS" "celery==${CELERY:-5.7.0}" "django>=5.2,<5.3"
cd "$folder"
cat > site_settings.py <<'PY'
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}
INSTALLED_APPS = ["django_celery_results"]
TIME_ZONE = "Asia/Tokyo"
USE_TZ = False
PY
DJANGO_SETTINGS_MODULE=site_settings "$folder/env/bin/python" -W ignore - <<'PY'
import sys
from datetime import timedelta
from importlib.metadata import version

import django

django.setup()

from celery import Celery
from django.core.management import call_command
from django_celery_results.models import TaskResult

call_command("migrate", verbosity=0)
app = Celery("shop", backend="django-db")
app.backend.store_result("4f1c", {"pid": 1, "hostname": "w1"}, "STARTED")
app.backend.store_result("4f1c", 7, "SUCCESS")
row = TaskResult.objects.get()
hours = round((row.date_created - row.date_started) / timedelta(hours=1))
print(f"django-celery-results {version('django-celery-results')} / started {hours} hours before created")
sys.exit(hours != 9)
PY
