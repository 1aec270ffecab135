"""Signals that a site may listen to."""

from django.dispatch import Signal

#: Sent robustly after each send of a task by a person: ``task_name, task_id, args, kwargs, user, record``.
task_run = Signal()
