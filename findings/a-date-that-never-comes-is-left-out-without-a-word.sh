#!/usr/bin/env bash
# django-celery-beat 2.9.0, celery 5.7.0, Django 5.2.x, SQLite.
# Celery 5.7 makes no crontab of a day that no month of it has, the 30th of February: a ValueError says so. Where such a
# row is in the database, one would expect its form to refuse it, or beat to name it, as it does of one without a
# schedule.
# What happens: the row is valid, since each of its fields is. Beat's scheduler passes over whatever is a ValueError
# without a line in its log, so the entry is enabled, and is not there.
# Seen: django-celery-beat 2.9.0, celery 5.7.0: full_clean: valid; beat has: daily; its log names: nothing
set -euo pipefail
BEAT=${BEAT:-2.9.0}
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "django-celery-beat==$BEAT" "celery==$CELERY" 'Django>=5.2,<5.3'
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import io
import logging

import celery
import django
from celery import Celery
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "beat.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)
import django_celery_beat  # noqa: E402
from django_celery_beat.models import CrontabSchedule, PeriodicTask  # noqa: E402
from django_celery_beat.schedulers import DatabaseScheduler  # noqa: E402

log = io.StringIO()
logging.basicConfig(stream=log, level=logging.DEBUG, force=True)
valid = True
for name, day, month in (("daily", "*", "*"), ("never", "30", "2")):
    crontab = CrontabSchedule(minute="0", hour="*", day_of_month=day, month_of_year=month)
    try:
        crontab.full_clean()
        crontab.save()
        task = PeriodicTask(name=name, task="shop.tasks.count", crontab=crontab)
        task.full_clean()
        task.save()
    except ValidationError:
        valid = False
app = Celery("shop", broker="memory://")
app.conf.beat_max_loop_interval = 5
scheduler = DatabaseScheduler(app=app)
entries = sorted(name for name in scheduler.schedule if not name.startswith("celery."))
named = "never" in log.getvalue()
print(f"django-celery-beat {django_celery_beat.__version__}, celery {celery.__version__}: "
      f"full_clean: {'valid' if valid else 'refused'}; beat has: {', '.join(entries)}; "
      f"its log names: {'never' if named else 'nothing'}")
raise SystemExit((valid, entries, named) != (True, ["daily"], False))
PY
