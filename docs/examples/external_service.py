"""Tasks from a monitoring service that answers in JSON."""

import json
from datetime import datetime
from urllib.request import urlopen

from django.conf import settings

from celery_ops.backends.base import BackendUnavailable, ListedTaskBackend
from celery_ops.info import TaskInfo


class MonitoringTaskBackend(ListedTaskBackend):
    label = "Monitoring"
    description = "What the monitoring service saw in the last hour."
    data_source = "monitoring service"
    # What the service never says: the pages then have no such columns.
    supports_worker = supports_started = supports_finished = supports_arguments = False

    def tasks(self):
        try:
            with urlopen(f"{settings.MONITORING_URL}/tasks", timeout=2) as answer:
                return [task_of(row) for row in json.load(answer)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackendUnavailable("The monitoring service does not answer.") from error


def task_of(row):
    return TaskInfo(
        id=row["id"],
        name=row["name"],
        state=row["state"],
        created_at=datetime.fromisoformat(row["created"]),  # aware: 2026-11-21T08:00:00+00:00
        error=row.get("error"),
    )
