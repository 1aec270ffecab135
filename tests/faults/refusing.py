"""Result backends whose database is away whenever a task ends, or wherever one runs."""

from billiard import current_process
from celery.backends.base import DisabledBackend
from celery.states import STARTED
from django.db import OperationalError


class Refuses(DisabledBackend):
    def store_result(self, task_id, result, state, **_):
        if state != STARTED:
            raise OperationalError("the database is away")


class RefusesTheirProcesses(DisabledBackend):
    """It is back when the worker's main process asks, which then tells of the failure once more."""

    def store_result(self, task_id, result, state, **_):
        if current_process().name != "MainProcess":
            raise OperationalError("the database is away")
