"""Journal, then send: a task that a person runs has its committed row before the broker has its message."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from celery.app.task import Task
from celery.utils import uuid
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from .. import connections, redaction, signals
from ..models import TaskRunRecord

logger = logging.getLogger("celery_ops.running")


class NotSent(Exception):
    """The task was not sent; the message says why, in words for the person who asked. ``record`` is its row or None."""

    def __init__(self, message: str, record: TaskRunRecord | None = None) -> None:
        super().__init__(message)
        self.record = record


def launch(
    task: Task,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    user: Any,
    parameters: Sequence[str] = (),
    sensitive: frozenset[str] = frozenset(),
    target: tuple[str, str] = ("", ""),
) -> TaskRunRecord:
    """Send ``task`` for ``user`` and return its row, SENT. ``target`` is the label and key of the object it is for.

    The row is committed first, so call it outside a transaction (RuntimeError inside one). Raises NotSent when the
    row cannot be written, and when the broker cannot be reached: then the row says FAILED.
    """
    shown = _redacted(args, kwargs, parameters, sensitive)
    try:
        with transaction.atomic(durable=True):
            record = TaskRunRecord.objects.create(
                task_name=task.name,
                task_id=uuid(),
                args=shown["args"],
                kwargs=shown["kwargs"],
                user=user if user is not None and user.pk else None,
                username=user.get_username() if user is not None else "",
                object_type=target[0],
                object_id=target[1][:255],
            )
    except (DatabaseError, ValueError) as error:  # ValueError: PostgreSQL's driver takes no NUL
        logger.warning("%s was not sent: its journal row could not be written", task.name, exc_info=True)
        raise NotSent(_("The journal could not be written, so nothing was sent.")) from error
    _send(task, args, kwargs, record)
    signals.task_run.send_robust(
        sender=TaskRunRecord,
        task_name=task.name,
        task_id=record.task_id,
        args=args,
        kwargs=kwargs,
        user=user,
        record=record,
    )
    return record


def _send(task: Task, args: Sequence[Any], kwargs: Mapping[str, Any], record: TaskRunRecord) -> None:
    def publish() -> None:
        with connections.connection() as connection:
            task.apply_async(args, dict(kwargs), task_id=record.task_id, connection=connection, retry=False)

    try:
        publish()
    except Exception as error:
        logger.warning("%s could not be sent", task.name, exc_info=True)
        record.send_state = TaskRunRecord.SendState.FAILED
        record.error = redaction.capture_text(f"{type(error).__name__}: {error}").text
        _complete(record, "send_state", "error")
        raise NotSent(_("The task could not be sent: the broker did not take it."), record) from error
    record.send_state = TaskRunRecord.SendState.SENT
    _complete(record, "send_state")


def _complete(record: TaskRunRecord, *fields: str) -> None:
    try:
        record.save(update_fields=fields)
    except DatabaseError:
        logger.warning("The journal row of task %s stays as it was requested", record.task_id, exc_info=True)


def _redacted(
    args: Sequence[Any], kwargs: Mapping[str, Any], parameters: Sequence[str], sensitive: frozenset[str]
) -> dict[str, Any]:
    captured = redaction.capture_arguments(args, kwargs, parameters=parameters, sensitive=sensitive)
    try:
        shown = json.loads(captured.text)
        return {"args": shown["args"], "kwargs": shown["kwargs"]}
    except (ValueError, KeyError, TypeError):
        return {"args": [captured.text], "kwargs": {}}
