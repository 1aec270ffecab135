"""Journal, then send: a task that a person runs has its committed row before the broker has its message."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from celery.app.task import Task
from celery.utils import uuid
from django.db import DatabaseError, IntegrityError, router, transaction
from django.utils.translation import gettext as _
from kombu.connection import Connection
from kombu.exceptions import EncodeError, OperationalError

from .. import connections, redaction, signals
from ..conf import conf
from ..exceptions import BadInput, BrokerUnavailable, Claimed, NotSent, SentNothing
from ..logs import get_logger
from ..models import TaskRunRecord, asked_by
from ..tracking import capture
from ..tracking.context import noting_sends, running_again
from ..tracking.refs import ObjectRef
from ..tracking.registry import registry
from . import claims, wire
from .arguments import bind
from .options import SendOptions
from .parameters import parameters_of

logger = get_logger("celery_ops.running")

NO_OPTIONS: Final = SendOptions()
#: Times that rows are written anew because somebody claimed the same at that moment.
TRIES: Final = 20


@dataclass(frozen=True, slots=True)
class Run:
    """One run that a person asks for.

    ``task`` is None when only workers know it. ``target`` is the object that it is launched for, ``retry_of`` the id of
    the task that it is once more and ``refs`` that task's objects. ``submission`` makes two of the same one run; only
    one run has the ``claim``.
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
    claim: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    """A row that is ready, with the id that the task is to have, and how the message names its arguments to logs and
    events when they hold secrets."""

    record: TaskRunRecord
    wanted_id: str
    reprs: Mapping[str, str]


def launch(run: Run, user: Any) -> TaskRunRecord:
    """Send a run for ``user`` (None: nobody in particular) and return its row, SENT.

    The row is committed first, so call it outside a transaction (RuntimeError inside one). A submission that has been
    sent already is not sent again: its row is returned. Raises BadInput when the task has run as often as
    ``max_per_minute`` allows, Claimed when another run has its claim, and NotSent when the row cannot be written, when
    the broker cannot be reached and when the task's own ``apply_async`` sends nothing (SentNothing): then the row says
    FAILED.
    """
    made = _made(run, user)
    earlier = _written(run, made)
    if earlier is not None:
        if earlier.send_state == TaskRunRecord.SendState.FAILED:
            raise NotSent(_("This was asked already, and could not be sent: the journal says why."), earlier)
        return earlier
    try:
        with connections.publishing() as connection:
            _publish(run, made, connection)
    except SentNothing as error:
        logger.warning("%s was not sent: %s", run.name, error)
        error.record = made.record
        _decline(made.record, error)
        _complete(made.record, "send_state", "error", "task_id")
        raise
    except Exception as error:
        logger.warning("%s could not be sent", run.name, exc_info=True)
        _fail(run, made.record, error)
        _complete(made.record, "send_state", "error")
        raise NotSent(_unsent(error), made.record) from error
    made.record.send_state = TaskRunRecord.SendState.SENT
    _complete(made.record, "send_state", "task_id")
    _tell(run, made.record, user)
    return made.record


def _unsent(error: Exception) -> str:
    if isinstance(error, EncodeError):
        return _("The task could not be sent: its arguments cannot be written as a message.")
    return _("The task could not be sent: the broker did not take it.")


def _written(run: Run, made: _Made) -> TaskRunRecord | None:
    """Commit the row of a run, or return the one that its submission has already."""
    try:
        limited = claims.limited([run.name])
        with _committed():
            for name in limited:
                claims.lock(name)
            if run.claim:
                claims.take([run.claim])
            claims.check_rate(run.name)
            made.record.save(force_insert=True)
    except BadInput:
        if earlier := _earlier(run):
            return earlier
        raise
    except IntegrityError as error:
        if earlier := _earlier(run):
            return earlier
        if run.claim and claims.taken([run.claim]):
            raise Claimed from error
        raise _unwritten(run.name, error) from error
    except (DatabaseError, ValueError) as error:  # ValueError: PostgreSQL's driver takes no NUL
        raise _unwritten(run.name, error) from error
    return None


def _earlier(run: Run) -> TaskRunRecord | None:
    return TaskRunRecord.objects.filter(submission=run.submission).first() if run.submission else None


#: What becomes of one of many runs: its row, SENT or FAILED by the broker, or why there is none that was sent.
Launched = TaskRunRecord | Claimed | BadInput | SentNothing


def launch_all(runs: Sequence[Run], user: Any) -> list[Launched]:
    """Send many runs over one connection; their rows are committed together before the first is sent.

    Return what became of each, in order; a submission that has a row already keeps that one and is not sent. Raises
    NotSent when the rows cannot be written: then nothing is sent.
    """
    outcomes, made = _all_written(runs, [_made(run, user) for run in runs])
    with connections.connection() as connection:
        declined = _publish_all([(runs[place], each) for place, each in made.items()], connection)
    _complete_all(list(made.values()))
    for place, each in made.items():
        outcomes[place] = declined.get(each.record.pk, each.record)
        if each.record.send_state == TaskRunRecord.SendState.SENT:
            _tell(runs[place], each.record, user)
    return [outcomes[place] for place in range(len(runs))]


def _all_written(runs: Sequence[Run], made: Sequence[_Made]) -> tuple[dict[int, Launched], dict[int, _Made]]:
    """Commit the rows of those that may be sent, by their places; the others have an outcome already.

    Somebody who claims one of them at the same moment makes all of it begin anew, without that one.
    """
    for _try in range(TRIES):
        try:
            return _written_once(runs, made)
        except IntegrityError as error:
            trouble: Exception = error
        except (DatabaseError, ValueError) as error:
            raise _unwritten(f"{len(runs)} tasks", error) from error
    raise _unwritten(f"{len(runs)} tasks", trouble) from trouble


def _written_once(runs: Sequence[Run], made: Sequence[_Made]) -> tuple[dict[int, Launched], dict[int, _Made]]:
    limited = claims.limited({run.name for run in runs})
    outcomes = _decided(runs)
    with _committed():
        for name in limited:
            claims.lock(name)
        outcomes |= _without_room(runs, limited, outcomes)
        places = [place for place in range(len(runs)) if place not in outcomes]
        claims.take([claim for place in places if (claim := runs[place].claim)])
        records = [made[place].record for place in places]
        for record in records:
            record.pk = None  # of an earlier try that was rolled back
        TaskRunRecord.objects.bulk_create(records)
    return outcomes, {place: made[place] for place in places}


def _decided(runs: Sequence[Run]) -> dict[int, Launched]:
    """What is known of some before they are sent: they were, or somebody else has them."""
    taken = claims.taken(run.claim for run in runs if run.claim)  # first: whose claim is seen, their row is, too
    known = TaskRunRecord.objects.in_bulk([run.submission for run in runs if run.submission], field_name="submission")
    outcomes: dict[int, Launched] = {}
    for place, run in enumerate(runs):
        if run.submission in known:
            outcomes[place] = known[run.submission]
        elif run.claim in taken:
            outcomes[place] = Claimed()
    return outcomes


def _without_room(runs: Sequence[Run], limited: Sequence[str], decided: Collection[int]) -> dict[int, Launched]:
    """Those of the others that are more than ``max_per_minute`` allows."""
    left = {name: claims.room(name) or 0 for name in limited}
    outcomes: dict[int, Launched] = {}
    for place, run in enumerate(runs):
        if place not in decided and run.name in left:
            left[run.name] -= 1
            if left[run.name] < 0:
                outcomes[place] = BadInput(claims.no_room())
    return outcomes


def _publish_all(pairs: Sequence[tuple[Run, _Made]], connection: Connection) -> dict[Any, SentNothing]:
    """Publish until the broker refuses: what is left would wait for the same. Return what declined, by its row."""
    trouble: Exception | None = None
    declined: dict[Any, SentNothing] = {}
    for run, each in pairs:
        try:
            if trouble is not None:
                raise trouble
            _publish(run, each, connection)
            each.record.send_state = TaskRunRecord.SendState.SENT
        except SentNothing as error:
            _decline(each.record, error)
            declined[each.record.pk] = error
        except Exception as error:
            _fail(run, each.record, error)
            if isinstance(error, connection.connection_errors + connection.channel_errors):
                trouble = error
    if trouble is not None:
        logger.warning("The broker did not take all of %s tasks", len(pairs), exc_info=trouble)
    return declined


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
        return _Made(record, record.task_id, {})
    reprs = {"argsrepr": repr(tuple(shown["args"])), "kwargsrepr": repr(shown["kwargs"])}
    return _Made(record, record.task_id, reprs)


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
    """Send the message. Raises SentNothing, or what the broker's client raises."""
    options = {**run.options.given(), **made.reprs}
    options.update(task_id=made.record.task_id, connection=connection, retry=False)
    with running_again(run.retry_of, run.refs), noting_sends() as sends:
        try:
            if run.task is not None:
                answer = run.task.apply_async(list(run.args), dict(run.kwargs), **options)
            else:
                answer = conf.celery_app.send_task(run.name, list(run.args), dict(run.kwargs), **options)
        except Exception as error:
            if made.record.task_id in sends:  # a task that ran here has an end of its own
                logger.debug("%s raised after it was sent", run.name, exc_info=True)
                return
            if isinstance(error, (EncodeError, *_of_the_broker(connection))):
                raise
            raise _declined(error) from error
    made.record.task_id = _sent_id(run.name, made.record.task_id, getattr(answer, "id", None), sends)


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
        raise SentNothing(_("Nothing was sent: the task's own apply_async did not send it."))
    return others[0]


def _declined(error: Exception) -> SentNothing:
    name = type(error).__name__
    said = redaction.capture_text(str(error)).text
    message = _("Nothing was sent: the task did not let itself be sent (%(error)s).")
    reason = _("Nothing was sent: the task did not let itself be sent (%(error)s).") % {"error": name}
    return SentNothing(message % {"error": f"{name}: {said}" if said else name}, reason)


def _decline(record: TaskRunRecord, error: SentNothing) -> None:
    record.send_state = TaskRunRecord.SendState.FAILED
    record.error = str(error)
    record.task_id = error.other_id[:255] or record.task_id


def _fail(run: Run, record: TaskRunRecord, error: Exception) -> None:
    hidden = capture.secrets(run.name, run.args, run.kwargs)
    record.send_state = TaskRunRecord.SendState.FAILED
    record.error = redaction.capture_text(f"{type(error).__name__}: {error}", secrets=hidden).text


def _unwritten(name: str, error: Exception) -> NotSent:
    logger.warning("%s not sent: the journal could not be written", name, exc_info=error)
    return NotSent(_("The journal could not be written, so nothing was sent."))


def _complete(record: TaskRunRecord, *fields: str) -> None:
    try:
        record.save(update_fields=fields)
    except DatabaseError:
        logger.warning("The journal row of task %s stays as it was requested", record.task_id, exc_info=True)


def _complete_all(made: Sequence[_Made]) -> None:
    sent = [each for each in made if each.record.send_state == TaskRunRecord.SendState.SENT]
    failed = [each.record for each in made if each.record.send_state == TaskRunRecord.SendState.FAILED]
    others = [each.record for each in sent if each.record.task_id != each.wanted_id]
    try:
        keys = [each.record.pk for each in sent]
        TaskRunRecord.objects.filter(pk__in=keys).update(send_state=TaskRunRecord.SendState.SENT)
        TaskRunRecord.objects.bulk_update([*failed, *others], ["send_state", "error", "task_id"], batch_size=100)
    except DatabaseError:
        logger.warning("%s journal rows stay as they were requested", len(made), exc_info=True)


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
