#!/usr/bin/env bash
# celery 5.7.0 (CELERY=… for another), Python 3.10 to 3.13.
#
# A backend of django.tasks (django-tasks-fennel 0.1 is one) makes a Celery task of a function like this:
#
#     @shared_task(bind=True)
#     @functools.wraps(function)
#     def run(self, *args, **kwargs): return function(*args, **kwargs)
#
# Expected: the signature of the task's ``run``, which is bound, says what a caller gives: (order_id, note='').
# Seen: the first real parameter is gone. ``inspect.signature`` follows ``__wrapped__`` to the function, which has no
# ``self``, and then takes its first parameter for the bound one. So "the first argument" of such a task is its second.
#
#     celery 5.7.0
#     Celery takes send(5): yes
#     signature of run: (note='')
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "celery==${CELERY:-5.7.0}"

"$folder/venv/bin/python" - <<'PYTHON'
import functools
import inspect
import sys

import celery

app = celery.Celery("here", broker="memory://", backend="cache+memory://")
app.conf.task_always_eager = True


def send(order_id, note=""):
    return order_id


@app.task(bind=True)
@functools.wraps(send)
def run(self, *args, **kwargs):
    return send(*args, **kwargs)


print("celery", celery.__version__)
print("Celery takes send(5):", "yes" if run.delay(5).get() == 5 else "no")
found = str(inspect.signature(run.run))
print("signature of run:", found)
sys.exit(found != "(note='')")
PYTHON
