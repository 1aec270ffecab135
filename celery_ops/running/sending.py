"""A run's message: published as its options say, and under which id."""

from collections.abc import Mapping, Sequence
from typing import Any

from celery.canvas import Signature
from kombu.connection import Connection
from kombu.exceptions import EncodeError, OperationalError

from .. import redaction
from ..conf import conf
from ..exceptions import BrokerUnavailable, SentNothing
from ..logs import get_logger
from ..sentences import Sentence as _
from ..tracking import capture
from ..tracking.context import noting_sends, rerunning, rerunning_each
from .rows import ReadyRow
from .run import Run

logger = get_logger("celery_ops.running")


def publish(run: Run, row: ReadyRow, connection: Connection) -> None:
    """Send the message. Raises SentNothing, or what the broker's client raises."""
    options = {**run.options.given(), **row.reprs}
    options.update(task_id=row.record.task_id, connection=connection, retry=False)
    with rerunning(run.retry_of, run.refs), noting_sends() as sends:
        try:
            if run.task is not None:
                answer = run.task.apply_async(list(run.args), dict(run.kwargs), **options)
            else:
                answer = conf.celery_app.send_task(run.name, list(run.args), dict(run.kwargs), **options)
        except Exception as error:
            if row.record.task_id in sends:  # a task that ran here has an end of its own
                logger.debug("%s raised after it was sent: %s", run.name, type(error).__name__)
                return
            if isinstance(error, (EncodeError, *_of_the_broker(connection))):
                raise
            raise _declined(run, error) from error
    row.record.task_id = _sent_id(run.name, row.record.task_id, getattr(answer, "id", None), sends)


def publish_canvas(canvas: Signature, runs: Sequence[Run], rows: Sequence[ReadyRow], sends: dict[str, str]) -> None:
    """Send a canvas whose first tasks have the ids of these rows, and note in ``sends`` which of them were sent.

    Celery takes the connection itself, as for any canvas of the site's. Raises what it raises.
    """
    originals = {row.record.task_id: (run.retry_of, run.refs) for run, row in zip(runs, rows, strict=True)}
    with rerunning_each(originals), noting_sends() as noted:
        try:
            canvas.apply_async()
        finally:
            sends.update(noted)


def _of_the_broker(connection: Connection) -> tuple[type[BaseException], ...]:
    errors = (OperationalError, OSError, BrokerUnavailable)
    return (*errors, *connection.connection_errors, *connection.channel_errors)


def _sent_id(name: str, wanted: str, answer: Any, sends: Mapping[str, str]) -> str:
    """Return the id under which the task was sent: its class may have its own ``apply_async``. Raises SentNothing."""
    if wanted in sends or answer == wanted:
        return wanted
    if answer in sends:
        return str(answer)
    if not (answer is None or isinstance(answer, str)):
        return wanted  # of a class of its own: it was sent as far as anybody can say
    if answer:
        message = _("Nothing new was sent: the task answers with %(id)s, which is there already.")
        reason = _("Nothing new was sent: the task answers with one that is there already.")
        raise SentNothing(message % {"id": answer}, reason, answer)
    others = [task_id for task_id, sent in sends.items() if sent == name]
    if len(others) != 1:
        raise declined()
    return others[0]


def declined() -> SentNothing:
    """Return what is said of a task that neither was sent nor named another one."""
    return SentNothing(_("Nothing was sent: the task's own apply_async did not send it."))


def _declined(run: Run, error: Exception) -> SentNothing:
    name = type(error).__name__
    text = redaction.capture_text(str(error), secrets=capture.secrets(run.name, run.args, run.kwargs)).text
    message = _("Nothing was sent: the task did not let itself be sent (%(error)s).")
    reason = _("Nothing was sent: the task did not let itself be sent (%(error)s).") % {"error": name}
    return SentNothing(message % {"error": f"{name}: {text}" if text else name}, reason)


def unsent(error: Exception) -> str:
    """Return what a person is told of a run that the broker did not take."""
    if isinstance(error, EncodeError):
        return _("The task could not be sent: its arguments cannot be written as a message.")
    return _("The task could not be sent: the broker did not take it.")
