"""The journal's rows of runs: committed together before anything is sent, and completed afterwards."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from celery.app.task import Task
from celery.utils import uuid
from django.db import DatabaseError, IntegrityError, router, transaction

from .. import redaction
from ..databases import in_turn, writer
from ..exceptions import BadInput, Claimed, NotSent, SentNothing
from ..logs import get_logger
from ..models import TaskRunRecord, asked_by
from ..sentences import Sentence as _
from ..tracking import capture
from ..tracking.registry import registry
from . import claims, wire
from .arguments import bind
from .parameters import parameters_of
from .run import Run

logger = get_logger("celery_ops.running")
#: Times that rows are written anew because somebody claimed the same at that moment.
TRIES: Final = 20
#: Times that one form may fail to be sent and be sent once more.
MOST_UNSENT: Final = 100
#: Among the options of a row: how many tasks there are in the workflow that was run again whole, this one with them.
WHOLE: Final = "whole"
#: What becomes of one of many runs: its row, SENT or FAILED by the broker, or why there is none that was sent.
Launched = TaskRunRecord | Claimed | BadInput | SentNothing


@dataclass(frozen=True, slots=True)
class ReadyRow:
    """A row that is ready, with the id that the task is to have, and how the message names its arguments to logs and
    events when they hold secrets."""

    record: TaskRunRecord
    wanted_id: str
    reprs: Mapping[str, str]


def ready_row(run: Run, user: Any) -> ReadyRow:
    """Return the row of a run, its arguments as they may be kept."""
    parameters, sensitive = capture.parameters(run.name), registry.sensitive(run.name)
    captured = redaction.capture_arguments(run.args, run.kwargs, parameters=parameters, sensitive=sensitive)
    shown = _shown(captured.text)
    record = TaskRunRecord(
        task_name=run.name,
        task_id=uuid(),
        args=shown["args"],
        kwargs=shown["kwargs"],
        options={**run.options.plain(), WHOLE: run.whole} if run.whole else run.options.plain(),
        **asked_by(user),
        object_type=run.target.label if run.target else "",
        object_id=run.target.pk[:255] if run.target else "",
        retry_of=run.retry_of[:255],
        is_exact=captured.exact,
        is_typed=captured.typed and _reads_back(run, shown),
        submission=run.submission,
    )
    return ReadyRow(record, record.task_id, {} if captured.exact else _reprs(shown))


def reprs_of(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, str]:
    """Return how a message names arguments to logs and events: nothing where they hold no secrets.

    No row says of them that something is hidden, so they do themselves, though a redactor has a mark of its own.
    """
    parameters, sensitive = capture.parameters(name), registry.sensitive(name)
    captured = redaction.capture_arguments(args, kwargs, parameters=parameters, sensitive=sensitive)
    if redaction.asks_the_site() and not captured.exact:
        return dict.fromkeys(("argsrepr", "kwargsrepr"), redaction.REDACTED)
    return {} if captured.exact else _reprs(_shown(captured.text))


def _reprs(shown: Mapping[str, Any]) -> dict[str, str]:
    return {"argsrepr": repr(tuple(shown["args"])), "kwargsrepr": repr(shown["kwargs"])}


def _reads_back(run: Run, shown: Mapping[str, Any]) -> bool:
    """Whether the task's annotations make of a row's texts what was sent."""
    return original_arguments(run.name, run.task, shown["args"], shown["kwargs"]) == (list(run.args), dict(run.kwargs))


def original_arguments(
    name: str, task: Task | None, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]] | None:
    """Return what the arguments of a row that ``is_typed`` were, None when the task does not take them any more."""
    bound = bind(parameters_of(name), args, kwargs)
    if bound.problems:
        return None
    try:
        return wire.carried_all(task, bound.args, bound.kwargs)
    except ValueError:
        return None


def _shown(text: str) -> dict[str, Any]:
    try:
        shown = json.loads(text)
        return {"args": list(shown["args"]), "kwargs": dict(shown["kwargs"])}
    except (ValueError, KeyError, TypeError):
        return {"args": [text], "kwargs": {}}


@writer()
def commit(run: Run, row: ReadyRow) -> TaskRunRecord | None:
    """Commit the row of a run, or return the one that its submission has already."""

    def write() -> None:
        limited = claims.limited_tasks([run.name])
        with _transaction():
            for name in limited:
                claims.lock(name)
            if run.claim:
                claims.take([run.claim])
            claims.check_rate(run.name)
            row.record.pk = None  # of an earlier turn
            row.record.save(force_insert=True)

    try:
        in_turn(TaskRunRecord, write)
    except BadInput:
        if earlier := _earlier(run):
            return earlier
        raise
    except IntegrityError as error:
        if earlier := _earlier(run):
            return earlier
        if run.claim and claims.taken_keys([run.claim]):
            raise Claimed from error
        raise _unwritten(run.name, error) from error
    except (DatabaseError, ValueError) as error:  # ValueError: PostgreSQL's driver takes no NUL
        raise _unwritten(run.name, error) from error
    return None


def _earlier(run: Run) -> TaskRunRecord | None:
    return TaskRunRecord.objects.filter(submission=run.submission).first() if run.submission else None


def unused_key(submission: UUID, was_unsent: Callable[[UUID], bool]) -> UUID:
    """Return the key of a form that is sent once more because it could not be sent: a panel shows the same one on."""
    for _try in range(MOST_UNSENT):
        if not was_unsent(submission):
            break
        submission = uuid5(submission, "again")
    return submission


@writer()
def commit_all(runs: Sequence[Run], rows: Sequence[ReadyRow]) -> tuple[dict[int, Launched], dict[int, ReadyRow]]:
    """Commit the rows of those that may be sent, by their places; the others have an outcome already.

    Somebody who claims one of them at the same moment makes all of it begin anew, without that one.
    """
    for _try in range(TRIES):
        try:
            return in_turn(TaskRunRecord, lambda: _commit_once(runs, rows))
        except IntegrityError as error:
            trouble: Exception = error
        except (DatabaseError, ValueError) as error:
            raise _unwritten(f"{len(runs)} tasks", error) from error
    raise _unwritten(f"{len(runs)} tasks", trouble) from trouble


def _commit_once(runs: Sequence[Run], rows: Sequence[ReadyRow]) -> tuple[dict[int, Launched], dict[int, ReadyRow]]:
    limited = claims.limited_tasks({run.name for run in runs})
    outcomes = _decided(runs)
    with _transaction():
        for name in limited:
            claims.lock(name)
        outcomes |= _without_room(runs, limited, outcomes)
        places = [place for place in range(len(runs)) if place not in outcomes]
        claims.take([claim for place in places if (claim := runs[place].claim)])
        _create([rows[place] for place in places])
    return outcomes, {place: rows[place] for place in places}


@writer()
def commit_together(runs: Sequence[Run], rows: Sequence[ReadyRow]) -> Sequence[TaskRunRecord]:
    """Commit the rows of runs of which all are sent or none; return those that their submissions have already.

    Raises Claimed when somebody else has one of them, BadInput where ``max_per_minute`` leaves no room for all, and
    NotSent when they cannot be written.
    """

    def write() -> None:
        limited = claims.limited_tasks({run.name for run in runs})
        with _transaction():  # its first statement writes: SQLite lets nobody wait who has read
            for name in limited:
                claims.lock(name)
            claims.take([run.claim for run in runs if run.claim])
            if _without_room(runs, limited, ()):
                raise BadInput(claims.no_room())
            _create(rows)

    try:
        in_turn(TaskRunRecord, write)
    except BadInput:
        if earlier := _earlier_of(runs):
            return earlier
        raise
    except IntegrityError as error:
        if earlier := _earlier_of(runs):
            return earlier
        if claims.taken_keys(run.claim for run in runs if run.claim):
            raise Claimed from error
        raise _unwritten(f"{len(runs)} tasks", error) from error
    except (DatabaseError, ValueError) as error:
        raise _unwritten(f"{len(runs)} tasks", error) from error
    return ()


def _create(rows: Sequence[ReadyRow]) -> None:
    records = [row.record for row in rows]
    for record in records:
        record.pk = None  # of an earlier try that was rolled back
    TaskRunRecord.objects.bulk_create(records)


def _earlier_of(runs: Sequence[Run]) -> list[TaskRunRecord]:
    keys = [run.submission for run in runs if run.submission]
    sent = TaskRunRecord.objects.in_bulk(keys, field_name="submission") if keys else {}
    return [sent[run.submission] for run in runs if run.submission in sent]


def _decided(runs: Sequence[Run]) -> dict[int, Launched]:
    """What is known of some before they are sent: they were, or somebody else has them."""
    taken = claims.taken_keys(run.claim for run in runs if run.claim)  # first: whose claim is seen, their row is, too
    sent = TaskRunRecord.objects.in_bulk([run.submission for run in runs if run.submission], field_name="submission")
    outcomes: dict[int, Launched] = {}
    for place, run in enumerate(runs):
        if run.submission in sent:
            outcomes[place] = sent[run.submission]
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


def _transaction() -> transaction.Atomic:
    return transaction.atomic(router.db_for_write(TaskRunRecord), durable=True)


def _unwritten(name: str, error: Exception) -> NotSent:
    logger.warning("%s not sent: the journal could not be written", name, exc_info=error)
    return NotSent(_("The journal could not be written, so nothing was sent."))


def decline(record: TaskRunRecord, error: SentNothing) -> None:
    """Have a row say that the task did not let itself be sent."""
    record.send_state = TaskRunRecord.SendState.FAILED
    record.error = str(error)
    record.task_id = error.other_id[:255] or record.task_id


def fail(run: Run, record: TaskRunRecord, error: Exception) -> None:
    """Have a row say that the broker did not take the message."""
    hidden = capture.secrets(run.name, run.args, run.kwargs)
    record.send_state = TaskRunRecord.SendState.FAILED
    record.error = redaction.capture_text(f"{type(error).__name__}: {error}", secrets=hidden).text


def complete(record: TaskRunRecord, *fields: str) -> None:
    """Write what became of a run. Never raises DatabaseError: the message has left, or never will."""
    try:
        in_turn(TaskRunRecord, lambda: record.save(update_fields=fields))
    except DatabaseError:
        logger.warning("The journal row of task %s stays as it was requested", record.task_id, exc_info=True)


@writer()
def complete_all(rows: Sequence[ReadyRow]) -> None:
    """Write the same of many in one go."""
    sent = [row for row in rows if row.record.send_state == TaskRunRecord.SendState.SENT]
    failed = [row.record for row in rows if row.record.send_state == TaskRunRecord.SendState.FAILED]
    others = [row.record for row in sent if row.record.task_id != row.wanted_id]
    taken = TaskRunRecord.objects.filter(pk__in=[row.record.pk for row in sent])

    def write() -> None:
        taken.update(send_state=TaskRunRecord.SendState.SENT)
        TaskRunRecord.objects.bulk_update([*failed, *others], ["send_state", "error", "task_id"], batch_size=100)

    try:
        in_turn(TaskRunRecord, write)
    except DatabaseError:
        logger.warning("%s journal rows stay as they were requested", len(rows), exc_info=True)
