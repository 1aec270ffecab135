#!/usr/bin/env bash
# celery 5.7.0, celery-redbeat 2.4.2.
# `RedBeatSchedulerEntry.due_at` is when an entry is due next, and its `score`, by which it lies in the sorted set of
# all entries. One would expect that of an hourly entry which ran 40 minutes ago to be 20 minutes ahead.
# What happens: it is the last run plus what is left now, so 20 minutes after the last run, and 20 minutes past. Right
# after a run that is the same. But beat saves every entry of beat_schedule when it starts, with that score. The entry
# is then among those that are due at each tick until it is, and is not sent before: whoever reads the set, or `due_at`,
# to say when it comes says that it is late.
# Seen: celery 5.7.0, redbeat 2.4.2 / hourly, ran 40 min ago: due_at is 20 min ago, its schedule says in 20 min
set -euo pipefail
CELERY=${CELERY:-5.7.0}
REDBEAT=${REDBEAT:-2.4.2}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY" "kombu==5.7.0" "celery-redbeat==$REDBEAT" "redis==8.1.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import celery
from celery.schedules import schedule
from redbeat import RedBeatSchedulerEntry

app = celery.Celery("shop", broker="memory://", set_as_current=False)
app.conf.update(redbeat_redis_url="redis://127.0.0.1:1/0", redbeat_redis_options={})  # which is not asked
now = datetime.now(timezone.utc)
entry = RedBeatSchedulerEntry("report", "shop.report", schedule(timedelta(hours=1), app=app), app=app)
entry.last_run_at = now - timedelta(minutes=40)
due = round((entry.due_at - now) / timedelta(minutes=1))
left = round(entry.schedule.remaining_estimate(entry.last_run_at) / timedelta(minutes=1))
print(
    f"celery {celery.__version__}, redbeat {version('celery-redbeat')} / hourly, ran 40 min ago: "
    f"due_at is {-due} min ago, its schedule says in {left} min"
)
sys.exit((due, left) != (-20, 20))
PY
