"""A result backend whose database is away whenever a task ends."""

from celery.backends.base import DisabledBackend
from celery.states import STARTED
from django.db import OperationalError


class Refuses(DisabledBackend):
    def store_result(self, task_id, result, state, **_):
        if state != STARTED:
            raise OperationalError("the database is away")
