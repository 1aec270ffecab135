#!/usr/bin/env bash
# celery 5.7.0, kombu 5.7.0, memory broker.
# A task whose messages are pickled may be given a set. A worker that has it is asked for its scheduled tasks.
# One would expect the answer to come with the set as text, or that task left out.
# What happens: answers are JSON and hold the arguments as they are, a set is none, and the worker answers nothing at all
# to that question, for as long as it has the task. Other questions it answers. Asked with safe=True, which inspect()
# never does, it answers: arguments come as text then.
# Seen: celery 5.7.0 / scheduled: None, stats: answered; a plain list instead: answered
set -euo pipefail
CELERY=${CELERY:-5.7.0}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet "celery==$CELERY" "kombu==5.7.0" "pytest==8.4.2"
"$folder/env/bin/python" -W ignore - <<'PY' 2>/dev/null
import sys

import celery
from celery.contrib.testing.worker import start_worker

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
app.conf.update(accept_content=["json", "pickle"])


@app.task(name="shop.pack", serializer="pickle")
def pack(parts):
    return len(parts)


def answered(method):
    inspect = app.control.inspect(timeout=1)
    for _ in range(5):
        if answers := getattr(inspect, method)():
            return answers
    return None


def waiting(parts):
    pack.apply_async((parts,), countdown=300)


with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
    waiting([1, 2])
    answered("stats")
    plain = next(iter((answered("scheduled") or {"": []}).values()))
    waiting({1, 2})
    answered("stats")
    spoiled = answered("scheduled")
    stats = answered("stats")
print(
    f"celery {celery.__version__} / scheduled: {spoiled}, stats: {'answered' if stats else None}; "
    f"a plain list instead: {'answered' if plain else None}"
)
sys.exit((spoiled, bool(stats), bool(plain)) != (None, True, True))
PY
