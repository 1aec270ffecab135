#!/usr/bin/env bash
# celery-redbeat 2.4.2, celery 5.7.0, a redis-server of its own.
# redbeat has a schedule of its own for what no crontab can say: rrule, by dateutil. rrule("MONTHLY", byweekday=FR(-1))
# is the last Friday of each month. One would expect an entry with it to be due then, as the object itself says.
# What happens: the entry is written to Redis with the day of the week and without its number, and read back from there
# at each tick of beat: the last Friday of a month, or its first, is every Friday. Who makes the entry sees nothing of
# that: the object in hand goes on saying the right days.
# Seen: redbeat 2.4.2: in hand: 29 Jan, 26 Feb, 26 Mar; read back: 1 Jan, 8 Jan, 15 Jan
set -euo pipefail
folder=$(mktemp -d)
redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >/dev/null & server=$!
trap 'kill $server; wait $server || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery[redis]==${CELERY:-5.7.0}" "celery-redbeat==${REDBEAT:-2.4.2}"
until [ -S "$folder/redis.sock" ]; do sleep 0.1; done
"$folder/env/bin/python" -W ignore - "$folder/redis.sock" <<'PY'
import sys
from datetime import datetime, timezone
from importlib.metadata import version

from celery import Celery
from dateutil.rrule import FR
from redbeat import RedBeatSchedulerEntry
from redbeat.schedules import rrule

app = Celery("shop", broker="memory://")
app.conf.redbeat_redis_url = f"unix://{sys.argv[1]}"
fridays = rrule("MONTHLY", dtstart=datetime(2027, 1, 1, tzinfo=timezone.utc), byweekday=FR(-1), app=app)
entry = RedBeatSchedulerEntry("invoices", "shop.invoices", fridays, app=app).save()


def days(schedule):
    return ", ".join(f"{day:%-d %b}" for day in schedule.rrule[:3])


in_hand, read_back = days(entry.schedule), days(RedBeatSchedulerEntry.from_key(entry.key, app=app).schedule)
print(f"redbeat {version('celery-redbeat')}: in hand: {in_hand}; read back: {read_back}")
raise SystemExit((in_hand, read_back) != ("29 Jan, 26 Feb, 26 Mar", "1 Jan, 8 Jan, 15 Jan"))
PY
