"""Journal, then send: a task that a person runs has its committed row before the broker has its message."""

from collections.abc import Callable, Sequence
from typing import Any

from celery.canvas import Signature
from django.utils.translation import gettext as _
from kombu.connection import Connection

from .. import connections, signals
from ..exceptions import NotSent, SentNothing
from ..logs import get_logger
from ..models import TaskRunRecord
from .rows import (
    Launched,
    ReadyRow,
    commit,
    commit_all,
    commit_together,
    complete,
    complete_all,
    decline,
    fail,
    ready_row,
)
from .run import Run as Run  # where callers have it
from .sending import declined, publish, publish_canvas, unsent

logger = get_logger("celery_ops.running")


def launch(run: Run, user: Any) -> TaskRunRecord:
    """Send a run for ``user`` (None: nobody in particular) and return its row, SENT.

    The row is committed first, so call it outside a transaction (RuntimeError inside one). A submission that has been
    sent already is not sent again: its row is returned. Raises BadInput when the task has run as often as
    ``max_per_minute`` allows, Claimed when another run has its claim, and NotSent when the row cannot be written, when
    the broker cannot be reached and when the task's own ``apply_async`` sends nothing (SentNothing): then the row says
    FAILED.
    """
    row = ready_row(run, user)
    record = row.record
    earlier = commit(run, row)
    if earlier is not None:
        if earlier.send_state == TaskRunRecord.SendState.FAILED:
            raise NotSent(_("This was asked already, and could not be sent: the journal says why."), earlier)
        return earlier
    try:
        with connections.publishing() as connection:
            publish(run, row, connection)
    except SentNothing as error:
        logger.warning("%s was not sent: %s", run.name, error)
        error.record = record
        decline(record, error)
        complete(record, "send_state", "error", "task_id")
        raise
    except Exception as error:
        logger.warning("%s could not be sent: %s", run.name, type(error).__name__)  # its text may repeat arguments
        fail(run, record, error)
        complete(record, "send_state", "error")
        raise NotSent(unsent(error), record) from error
    record.send_state = TaskRunRecord.SendState.SENT
    complete(record, "send_state", "task_id")
    _tell(run, record, user)
    return record


def launch_all(runs: Sequence[Run], user: Any) -> list[Launched]:
    """Send many runs over one connection; their rows are committed together before the first is sent.

    Return what became of row, in order; a submission that has a row already keeps that one and is not sent. Raises
    NotSent when the rows cannot be written: then nothing is sent.
    """
    outcomes, rows = commit_all(runs, [ready_row(run, user) for run in runs])
    with connections.connection() as connection:
        declined = _publish_all([(runs[place], row) for place, row in rows.items()], connection)
    complete_all(list(rows.values()))
    for place, row in rows.items():
        outcomes[place] = declined.get(row.record.pk, row.record)
        if row.record.send_state == TaskRunRecord.SendState.SENT:
            _tell(runs[place], row.record, user)
    return [outcomes[place] for place in range(len(runs))]


def launch_together(
    runs: Sequence[Run], user: Any, canvas_of: Callable[[Sequence[ReadyRow]], Signature]
) -> list[TaskRunRecord]:
    """Send runs as one canvas, which ``canvas_of`` makes of their rows, and return these: each is SENT or FAILED.

    Rows that these submissions have already are returned, and nothing is sent. Raises Claimed, BadInput and NotSent as
    ``commit_together`` does, and NotSent when the broker takes none of them.
    """
    rows = [ready_row(run, user) for run in runs]
    if earlier := commit_together(runs, rows):
        return list(earlier)
    trouble: Exception | None = None
    sends: dict[str, str] = {}
    try:
        with connections.publishing() as connection:
            connections.ensure(connection)
            publish_canvas(canvas_of(rows), runs, rows, sends)
    except Exception as error:
        logger.warning("A workflow of %s tasks could not be sent whole: %s", len(runs), type(error).__name__)
        trouble = error
    for run, row in zip(runs, rows, strict=True):
        if row.record.task_id in sends:
            row.record.send_state = TaskRunRecord.SendState.SENT
            _tell(run, row.record, user)
        elif trouble is None:
            decline(row.record, declined())
        else:
            fail(run, row.record, trouble)
    complete_all(rows)
    records = [row.record for row in rows]
    if trouble is not None and not sends:
        raise NotSent(unsent(trouble), records[0]) from trouble
    return records


def _publish_all(pairs: Sequence[tuple[Run, ReadyRow]], connection: Connection) -> dict[Any, SentNothing]:
    """Publish until the broker refuses: what is left would wait for the same. Return what declined, by its row."""
    trouble: Exception | None = None
    declined: dict[Any, SentNothing] = {}
    for run, row in pairs:
        try:
            if trouble is not None:
                raise trouble
            publish(run, row, connection)
            row.record.send_state = TaskRunRecord.SendState.SENT
        except SentNothing as error:
            decline(row.record, error)
            declined[row.record.pk] = error
        except Exception as error:
            fail(run, row.record, error)
            if isinstance(error, connection.connection_errors + connection.channel_errors):
                trouble = error
    if trouble is not None:
        logger.warning("The broker did not take all of %s tasks", len(pairs), exc_info=trouble)
    return declined


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
