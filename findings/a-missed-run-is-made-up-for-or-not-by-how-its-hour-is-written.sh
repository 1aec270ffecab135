#!/usr/bin/env bash
# django-celery-beat 2.7.0 and 2.9.0, celery 5.7.0, the Django that each takes up to 5.2, SQLite, USE_TZ = True.
# Beat was down when an entry of a crontab was due, five hours ago, and is started again. By Celery's documentation
# crontabs "that are past due will always run immediately", unless beat_cron_starting_deadline is set.
# What happens: since 2.8 beat leaves out each crontab whose hour is one number that is not within two hours of now. One
# whose hour is written "9,9" or "9-9" is read, and sent at once, as 2.7 does it with each. The one of "9" is looked at
# two hours before its next time: then it is due since yesterday, and is sent then, and once more when it is due. Of an
# entry that comes once a month that is a day late, and nothing in beat's log says so.
# Seen: django-celery-beat 2.7.0: missed 5 h ago: sent those of "h", "h,h"; missed yesterday, due in 2 h: sent at once
#       django-celery-beat 2.9.0: missed 5 h ago: sent those of "h,h"; missed yesterday, due in 2 h: sent at once
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/missed.py" <<'PY'
from datetime import timedelta

import django
import django_celery_beat
from celery import Celery
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_celery_beat.models import CrontabSchedule, PeriodicTask  # noqa: E402
from django_celery_beat.schedulers import DatabaseScheduler  # noqa: E402

call_command("migrate", verbosity=0)
now = timezone.now()
missed = (now - timedelta(hours=5)).hour
if missed == 4:  # is always read: it is the hour of Celery's own clean-up
    missed = 3
soon = (now + timedelta(hours=2)).hour
for name, hour in (("h", f"{missed}"), ("h,h", f"{missed},{missed}"), ("soon", f"{soon}")):
    crontab = CrontabSchedule.objects.create(minute="0", hour=hour, timezone="UTC")
    PeriodicTask.objects.create(name=name, task="shop.close", crontab=crontab, last_run_at=now - timedelta(hours=46))
sent = []


class Beat(DatabaseScheduler):
    def apply_async(self, entry, **_):
        sent.append(self.reserve(entry).name)


beat = Beat(app=Celery("shop", broker="memory://"), lazy=False)
for _ in range(5):
    beat.tick()
at_once = [name for name in ("h", "h,h") if name in sent]
print(f"django-celery-beat {django_celery_beat.__version__}: missed 5 h ago: sent those of "
      + ", ".join(f'"{name}"' for name in at_once)
      + f"; missed yesterday, due in 2 h: {'sent at once' if 'soon' in sent else 'not sent'}")
is_new = not django_celery_beat.__version__.startswith("2.7.")
raise SystemExit((at_once, "soon" in sent) != (["h,h"] if is_new else ["h", "h,h"], True))
PY
cd "$folder"
for beat in 2.7.0 "${BEAT:-2.9.0}"; do
    rm -rf env
    python3 -m venv env
    env/bin/pip install --quiet "django-celery-beat==$beat" "celery==${CELERY:-5.7.0}" 'Django>=5.1,<5.3'
    env/bin/python -W ignore missed.py
done
