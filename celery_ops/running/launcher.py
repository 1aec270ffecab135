"""Journal, then send: a task that a person runs has its committed row before the broker has its message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from celery.app.task import Task
from celery.utils import uuid
from django.db import DatabaseError, IntegrityError, router, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from kombu import Connection

from .. import connections, redaction, signals
from ..conf import conf
from ..logs import get_logger
from ..models import TaskRunRecord, asked_by
from ..tracking import capture
from ..tracking.context import running_again
from ..tracking.refs import ObjectRef
from ..tracking.registry import registry
from . import wire
from .allowlist import options_of
from .arguments import bind
from .errors import BadInput, NotSent
from .options import SendOptions
from .parameters import parameters_of

logger = get_logger("celery_ops.running")

NO_OPTIONS: Final = SendOptions()


@dataclass(frozen=True, slots=True)
class Run:
    """One run that a person asks for.

    ``task`` is None when only workers know it. ``target`` is the object that it is launched for, ``retry_of`` the id of
    the task that it is once more and ``refs`` that task's objects. ``submission`` makes two of the same one run.
    """

    name: str
    task: Task | None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: SendOptions = NO_OPTIONS
    target: ObjectRef | None = None
    retry_of: str = ""
    refs: tuple[ObjectRef, ...] = ()
    submission: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    """A row that is ready, and how the message names its arguments to logs and events when they hold secrets."""

    record: TaskRunRecord
    reprs: Mapping[str, str]


def launch(run: Run, user: Any) -> TaskRunRecord:
    """Send a run for ``user`` (None: nobody in particular) and return its row, SENT.

    The row is committed first, so call it outside a transaction (RuntimeError inside one). A submission that has been
    sent already is not sent again: its row is returned. Raises BadInput when the task has run as often as
    ``max_per_minute`` allows, NotSent when the row cannot be written and when the broker cannot be reached: then the
    row says FAILED.
    """
    try:
        check_rate(run.name)
    except DatabaseError as error:
        raise _unwritten(run.name, error) from error
    made = _made(run, user)
    try:
        with _committed():
            made.record.save(force_insert=True)
    except IntegrityError as error:
        earlier = TaskRunRecord.objects.filter(submission=run.submission).first() if run.submission else None
        if earlier is None:
            raise _unwritten(run.name, error) from error
        if earlier.send_state == TaskRunRecord.SendState.FAILED:
            raise NotSent(_("The task could not be sent: the broker did not take it."), earlier) from error
        return earlier
    except (DatabaseError, ValueError) as error:  # ValueError: PostgreSQL's driver takes no NUL
        raise _unwritten(run.name, error) from error
    try:
        with connections.publishing() as connection:
            _publish(run, made, connection)
    except Exception as error:
        logger.warning("%s could not be sent", run.name, exc_info=True)
        _fail(made.record, error)
        _complete(made.record, "send_state", "error")
        raise NotSent(_("The task could not be sent: the broker did not take it."), made.record) from error
    made.record.send_state = TaskRunRecord.SendState.SENT
    _complete(made.record, "send_state")
    _tell(run, made.record, user)
    return made.record


def launch_all(runs: Sequence[Run], user: Any) -> list[TaskRunRecord]:
    """Send many runs over one connection; their rows are committed together before the first is sent.

    Return the rows in order, SENT or FAILED; a submission that has a row already keeps that one and is not sent.
    Raises NotSent when the rows cannot be written: then nothing is sent.
    """
    try:
        known = TaskRunRecord.objects.in_bulk([r.submission for r in runs if r.submission], field_name="submission")
        made = [None if run.submission in known else _made(run, user) for run in runs]
        with _committed():
            TaskRunRecord.objects.bulk_create([each.record for each in made if each])
    except (DatabaseError, ValueError) as error:
        raise _unwritten(f"{len(runs)} tasks", error) from error
    pairs = [(run, each) for run, each in zip(runs, made, strict=True) if each]
    with connections.connection() as connection:
        _publish_all(pairs, connection)
    _complete_all([each.record for _run, each in pairs])
    for run, each in pairs:
        if each.record.send_state == TaskRunRecord.SendState.SENT:
            _tell(run, each.record, user)
    return [each.record if each else known[run.submission] for run, each in zip(runs, made, strict=True)]


def _publish_all(pairs: Sequence[tuple[Run, _Made]], connection: Connection) -> None:
    """Publish until the broker refuses: what is left would wait for the same."""
    trouble: Exception | None = None
    for run, each in pairs:
        try:
            if trouble is not None:
                raise trouble
            _publish(run, each, connection)
            each.record.send_state = TaskRunRecord.SendState.SENT
        except Exception as error:
            _fail(each.record, error)
            if isinstance(error, connection.connection_errors + connection.channel_errors):
                trouble = error
    if trouble is not None:
        logger.warning("The broker did not take all of %s tasks", len(pairs), exc_info=trouble)


def check_rate(name: str) -> None:
    """Raise BadInput when a task has been run by hand as often in the last minute as its ``max_per_minute`` allows."""
    most = options_of(name).get("max_per_minute")
    if not most:
        return
    since = timezone.now() - timedelta(minutes=1)
    if TaskRunRecord.objects.filter(task_name=name, created_at__gte=since).count() >= most:
        said = ngettext(
            "This task may be run %(n)s time a minute. Wait a while.",
            "This task may be run %(n)s times a minute. Wait a while.",
            most,
        )
        raise BadInput(said % {"n": most})


def _committed() -> transaction.Atomic:
    return transaction.atomic(router.db_for_write(TaskRunRecord), durable=True)


def _made(run: Run, user: Any) -> _Made:
    parameters, sensitive = capture.parameters(run.name), registry.sensitive(run.name)
    captured = redaction.capture_arguments(run.args, run.kwargs, parameters=parameters, sensitive=sensitive)
    shown = _shown(captured.text)
    record = TaskRunRecord(
        task_name=run.name,
        task_id=uuid(),
        args=shown["args"],
        kwargs=shown["kwargs"],
        options=run.options.plain(),
        **asked_by(user),
        object_type=run.target.label if run.target else "",
        object_id=run.target.pk[:255] if run.target else "",
        retry_of=run.retry_of[:255],
        is_exact=captured.exact,
        is_typed=captured.typed and _reads_back(run, shown),
        submission=run.submission,
    )
    if captured.exact:
        return _Made(record, {})
    return _Made(record, {"argsrepr": repr(tuple(shown["args"])), "kwargsrepr": repr(shown["kwargs"])})


def _reads_back(run: Run, shown: Mapping[str, Any]) -> bool:
    """Whether the task's annotations make of a row's texts what was sent."""
    return original_arguments(run.name, run.task, shown["args"], shown["kwargs"]) == (list(run.args), dict(run.kwargs))


def original_arguments(
    name: str, task: Task | None, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]] | None:
    """Return what the arguments of a row that ``is_typed`` were, None when the task does not take them any more."""
    found = bind(parameters_of(name), args, kwargs)
    try:
        return None if found.problems else wire.carried_all(task, found.args, found.kwargs)
    except ValueError:
        return None


def _shown(text: str) -> dict[str, Any]:
    try:
        shown = json.loads(text)
        return {"args": list(shown["args"]), "kwargs": dict(shown["kwargs"])}
    except (ValueError, KeyError, TypeError):
        return {"args": [text], "kwargs": {}}


def _publish(run: Run, made: _Made, connection: Connection) -> None:
    options = {**run.options.given(), **made.reprs}
    options.update(task_id=made.record.task_id, connection=connection, retry=False)
    with running_again(run.retry_of, run.refs):
        if run.task is not None:
            run.task.apply_async(list(run.args), dict(run.kwargs), **options)
        else:
            conf.celery_app.send_task(run.name, list(run.args), dict(run.kwargs), **options)


def _fail(record: TaskRunRecord, error: Exception) -> None:
    record.send_state = TaskRunRecord.SendState.FAILED
    record.error = redaction.capture_text(f"{type(error).__name__}: {error}").text


def _unwritten(name: str, error: Exception) -> NotSent:
    logger.warning("%s not sent: the journal could not be written", name, exc_info=error)
    return NotSent(_("The journal could not be written, so nothing was sent."))


def _complete(record: TaskRunRecord, *fields: str) -> None:
    try:
        record.save(update_fields=fields)
    except DatabaseError:
        logger.warning("The journal row of task %s stays as it was requested", record.task_id, exc_info=True)


def _complete_all(records: Sequence[TaskRunRecord]) -> None:
    sent = [record.pk for record in records if record.send_state == TaskRunRecord.SendState.SENT]
    failed = [record for record in records if record.send_state == TaskRunRecord.SendState.FAILED]
    try:
        TaskRunRecord.objects.filter(pk__in=sent).update(send_state=TaskRunRecord.SendState.SENT)
        TaskRunRecord.objects.bulk_update(failed, ["send_state", "error"], batch_size=100)
    except DatabaseError:
        logger.warning("%s journal rows stay as they were requested", len(records), exc_info=True)


def _tell(run: Run, record: TaskRunRecord, user: Any) -> None:
    signals.task_run.send_robust(
        sender=TaskRunRecord,
        task_name=run.name,
        task_id=record.task_id,
        args=run.args,
        kwargs=run.kwargs,
        user=user,
        record=record,
    )
