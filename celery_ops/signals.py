"""Signals that a site may listen to."""

from django.dispatch import Signal

#: Sent robustly after each send of a task by a person: ``task_name, task_id, args, kwargs, user, record``.
task_run = Signal()

#: Sent robustly when an objective is breached and when it holds again: ``alert``, an ``alerts.Alert``.
alert = Signal()

#: Sent robustly by the process in which tasks failed, once they are counted, for each failure group:
#: ``key, is_new, is_regressed, task_id, task_name``; the task is the newest of those. No task waits for a receiver.
failure_seen = Signal()
