#!/usr/bin/env bash
# celery 5.7.0, cron-descriptor 2.2.1.
# Words for a crontab that names a day of the month and one of the week: 0 0 13 * 5. celery.schedules.crontab wants
# both, so it is sent on Friday the 13th alone. One would expect the library that words crontabs, by which
# django-celery-beat words them in its admin, to say so, as its version 1 did: "only on Friday".
# What happens: version 2 says "or on Friday", which is what Unix's cron means by it: that is every Friday as well.
# django-celery-beat 2.8 takes either version, 2.9 only the first.
# Seen: celery 5.7.0, cron-descriptor 2.2.1 / At 00:00, on day 13 of the month, or on Friday /
#   the next day: Friday 2026-02-13
set -euo pipefail
CELERY=${CELERY:-5.7.0}
DESCRIPTOR=${DESCRIPTOR:-2.2.1}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY" "kombu==5.7.0" "cron-descriptor==$DESCRIPTOR"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys
from datetime import datetime, timezone
from importlib.metadata import version

import celery
from celery.schedules import crontab
from cron_descriptor import Options, get_description

app = celery.Celery("shop", set_as_current=False)
now = datetime(2026, 1, 14, 12, tzinfo=timezone.utc)  # the next 13th is a Friday, after four others
entry = crontab(minute="0", hour="0", day_of_month="13", day_of_week="5", nowfun=lambda: now, app=app)
day = now + entry.remaining_estimate(now)
options = Options()
options.use_24hour_time_format = True
words = get_description("0 0 13 * 5", options)
versions = f"celery {celery.__version__}, cron-descriptor {version('cron-descriptor')}"
print(f"{versions} / {words} / the next day: {day:%A %Y-%m-%d}")
sys.exit(not ("or on Friday" in words and f"{day:%A %d}" == "Friday 13"))
PY
