"""A process that evaluates again and again, and says in Redis what it was told: ``python -m tests.alerts.evaluator``.

``TEST_DEPTHS`` is the URL of a Redis whose hash ``depths`` has the queues, and whose list ``told`` gets the alerts.
"""

import json
import os
from datetime import datetime, timezone

import redis

from celery_ops.backends.base import QueueBackend
from celery_ops.backends.memory import MemoryWorkerBackend
from celery_ops.info import QueueInfo, QueueReport

OBJECTIVES = {"mail goes out": {"queue": "mail*", "depth": 10}}


def there():
    return redis.Redis.from_url(os.environ["TEST_DEPTHS"], decode_responses=True)


class Depths(QueueBackend):
    def queues(self):
        depths = there().hgetall("depths")
        queues = tuple(QueueInfo(name, depth=int(depth)) for name, depth in sorted(depths.items()))
        return QueueReport(queues, datetime.now(timezone.utc))

    def queue(self, name):
        return None


class NoWorkers(MemoryWorkerBackend):
    contents = ()


def tell(alert):
    there().rpush("told", json.dumps([alert.target, alert.state]))


def prepare():
    import django
    from django.conf import settings

    django.setup()
    here = "tests.alerts.evaluator"
    settings.CELERY_OPS.update(
        OBJECTIVES=OBJECTIVES,
        ALERTS=[f"{here}.tell"],
        QUEUE_BACKEND=f"{here}.Depths",
        WORKER_BACKEND=f"{here}.NoWorkers",
    )


def evaluate_and_go():
    """As doctor does: whoever is told is told while the process ends."""
    from celery_ops.alerts.evaluating import evaluate

    evaluate(patience=0)


def run():
    prepare()
    from celery_ops.alerts.evaluating import evaluate

    server = there()
    server.incr("ready")
    while not server.exists("stop"):
        evaluate()


if __name__ == "__main__":
    run()
