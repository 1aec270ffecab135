#!/usr/bin/env bash
# celery 5.7.0, results in files.
# result_expires says for how long a result is kept, and Celery's daily clean-up deletes what is older. It is a length
# of time, so one would expect the same results to go wherever the site is.
# What happens: the backend takes the time that has passed since 1970 by the clock on the wall of the app's timezone,
# and files have theirs in UTC. So east of Greenwich results go as many hours early, and in the west as many late: with
# an hour to live, timezone = "Asia/Tokyo" loses those of a second ago, and whoever waits for one waits on. With the
# usual day, a result is kept for 15 hours there.
# Seen: celery 5.7.0: kept for an hour, after the clean-up: UTC has those of 1 min ago; Asia/Tokyo has none;
#   America/New_York has those of 1 min 3 h ago
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==${CELERY:-5.7.0}" tzdata
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import os
import time

import celery
from celery import Celery, states

AGES = {"1 min": 60, "3 h": 3 * 3600}  # a result of each, in seconds


def kept_in(zone):
    """Return which results are left after a clean-up."""
    folder = os.path.join(os.getcwd(), "results", zone)
    os.makedirs(folder)
    app = Celery("shop", broker="memory://", backend=f"file://{folder}")
    app.conf.update(timezone=zone, result_expires=3600)
    for age, seconds in AGES.items():
        app.backend.store_result(age, None, states.SUCCESS)
        written = time.time() - seconds
        os.utime(os.path.join(folder, f"celery-task-meta-{age}"), (written, written))
    app.backend.cleanup()
    return [age for age in AGES if app.AsyncResult(age).state == states.SUCCESS]


kept = {zone: kept_in(zone) for zone in ("UTC", "Asia/Tokyo", "America/New_York")}
print(f"celery {celery.__version__}: kept for an hour, after the clean-up: " + "; ".join(
    f"{zone} has {'those of ' + ' '.join(ages) + ' ago' if ages else 'none'}" for zone, ages in kept.items()))
raise SystemExit(kept != {"UTC": ["1 min"], "Asia/Tokyo": [], "America/New_York": ["1 min", "3 h"]})
PY
