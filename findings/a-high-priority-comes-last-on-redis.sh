#!/usr/bin/env bash
# django-tasks-fennel 0.1, django-tasks-celery 0.1.1, Django 6.1.3, Celery 5.7.0, kombu 5.7.0: on Redis a high priority of
# Django's tasks comes last.
#
# Django's priorities go from -100 to 100, "larger numbers are higher priority". Both packages make a larger number for the
# broker of a larger one, which is RabbitMQ's order, and kombu's base class says "Higher value has more priority". But
# kombu's Redis transport takes from its lists for each priority in ascending order: 0 comes first. So with Redis as the
# broker what is most urgent waits for everything else. (django-tasks-fennel's system check says that other brokers "may
# not respect task priority", not that they turn it round.) With django-tasks-celery the usual priority 0 is not sent at
# all, which is first on Redis, and all above about -94 are one and the same: its numbers go to 255, and kombu cuts at 9.
#
# Seen:
#   Django 6.1.3, Celery 5.7.0, kombu 5.7.0, django-tasks-fennel 0.1, django-tasks-celery 0.1.1
#   django_tasks_fennel: enqueued with [100, 50, -50, -100], taken in the order [-50, -100, 50, 100]
#   django_tasks_celery: enqueued with [100, 50, -50, -100], taken in the order [-100, 100, 50, -50]
#
# Needs Python 3.12 or newer (PYTHON says which, else the first that is found), and redis-server, of which it starts one
# of its own.
set -euo pipefail
folder="$(mktemp -d)"
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 $HOME/.pyenv/versions/3.1[2-9]*/bin/python3}; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then break; fi
done
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "Django==${DJANGO:-6.1.3}" \
  "celery[redis]==${CELERY:-5.7.0}" "kombu==${KOMBU:-5.7.0}" "django-tasks-fennel==${FENNEL:-0.1}" \
  "django-tasks-celery==${DJANGO_TASKS_CELERY:-0.1.1}"
redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >"$folder/redis.log" &
server=$!
until [ -S "$folder/redis.sock" ]; do sleep 0.1; done
"$folder/venv/bin/python" - "$folder/redis.sock" <<'PYTHON'
import sys
import types
from importlib.metadata import version

import django
from celery import Celery
from django.conf import settings

PACKAGES = ("django_tasks_fennel", "django_tasks_celery")
PRIORITIES = [100, 50, -50, -100]

settings.configure(
    INSTALLED_APPS=["django_tasks_fennel"],
    USE_TZ=True,
    TASKS={package: {"BACKEND": f"{package}.CeleryBackend", "QUEUES": []} for package in PACKAGES},
)
app = Celery("site", broker=f"redis+socket://{sys.argv[1]}", backend="disabled://")
app.set_default()
django.setup()
from django.tasks import task

names = {"Django": "Django", "Celery": "celery", "kombu": "kombu"}
names |= {name: name for name in ("django-tasks-fennel", "django-tasks-celery")}
print(", ".join(f"{name} {version(package)}" for name, package in names.items()))
jobs = sys.modules["jobs"] = types.ModuleType("jobs")


def report(priority): ...


report.__module__ = "jobs"
orders = []
for package in PACKAGES:
    jobs.report = task(backend=package)(report)
    for priority in PRIORITIES:
        jobs.report.using(priority=priority, queue_name=package).enqueue(priority)
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue(package)
        order = []
        for _ in PRIORITIES:
            message = queue.get(timeout=5)
            order.append(message.payload[0][0])
            message.ack()
    print(f"{package}: enqueued with {PRIORITIES}, taken in the order {order}")
    orders.append(order)
sys.exit(any(order.index(-100) > order.index(100) for order in orders))
PYTHON
