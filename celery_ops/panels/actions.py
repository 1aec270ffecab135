"""Launching, running again and revoking from a panel: on its object only, asked of the policy, and journalled."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404
from django.utils.translation import gettext as _

from .. import states
from ..backends.control import Replies
from ..catalog import may_run_something
from ..control import revoke as tasks
from ..control.journal import plain
from ..exceptions import (
    BadInput,
    MissingRelatedObject,
    NotDone,
    NotKnown,
    NotSent,
    RerunRefused,
    SentNothing,
    StoreUnavailable,
)
from ..formatting import presentable
from ..info import TrackedTask
from ..models import TaskRunRecord
from ..permissions import REVOKE_TASK, RUN_TASK, allows
from ..rerun import candidate, rerun_candidate
from ..running.allowlist import described
from ..running.launcher import Run, launch
from ..running.rows import unused_key
from ..tracking import accounts, reading
from ..tracking.context import tracking
from ..tracking.refs import ObjectRef
from ..tracking.registry import registry
from .launching import launch_arguments, launchable


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """What an action came to: words for the person who asked, and what the JSON answer says."""

    message: str
    status: int = 200
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status < 400


def launch_task(
    user: Any, instance: Model, task_name: str, submission: UUID | None = None, *, confirmed: bool = False
) -> ActionOutcome:
    """Launch one of the object's tasks with the arguments that its binding gives; the same ``submission`` runs it once.

    One with the option ``confirm`` has to be ``confirmed``.
    Raises PermissionDenied when the policy refuses, Http404 for a task that is not tracked for the object's model or
    is hidden.
    """
    if not allows(user, RUN_TASK, task_name):
        raise PermissionDenied
    offered = {task.name: (task, binding) for task, binding in launchable(instance, user)}
    if task_name not in offered:
        raise Http404(_("This task cannot be launched for this object."))
    task, binding = offered[task_name]
    ref = ObjectRef.of(instance)
    if described(task_name, task).confirm and not confirmed:
        return ActionOutcome(_("This task asks before it is run: confirm it. Nothing was sent."), status=400)
    try:
        args, kwargs = launch_arguments(task_name, binding, instance)
        own = submission and unused_key(uuid5(submission, repr((user.pk, ref, task_name))), _was_unsent)
        with tracking(instance):
            record = launch(Run(task_name, task, args, kwargs, target=ref, submission=own), user)
    except MissingRelatedObject as error:
        return ActionOutcome(_("Not launched: %(reason)s.") % {"reason": error}, status=400)
    except (BadInput, NotSent) as error:
        return _not_sent(error)
    return _sent(record, _("%(task)s was sent.") % {"task": registry.label(task_name, ref.label)})


def _was_unsent(submission: UUID) -> bool:
    return TaskRunRecord.objects.filter(submission=submission, send_state=TaskRunRecord.SendState.FAILED).exists()


def _sent(record: TaskRunRecord, message: str) -> ActionOutcome:
    return ActionOutcome(message, status=201, data={"task_id": record.task_id, "record": record.pk})


def _not_sent(error: BadInput | NotKnown | NotSent) -> ActionOutcome:
    """The broker is to blame for what was not sent, unless the task's own class sent nothing."""
    if isinstance(error, SentNothing) and error.record is not None and error.other_id:
        return ActionOutcome(str(error), data={"task_id": error.other_id, "record": error.record.pk, "sent": False})
    is_brokers_fault = isinstance(error, NotSent) and not isinstance(error, SentNothing)
    return ActionOutcome(str(error), status=503 if is_brokers_fault else 400)


def run_again(
    user: Any,
    instance: Model,
    task_id: str,
    submission: UUID | None = None,
    *,
    confirmed: bool = False,
    shown_at: datetime | None = None,
) -> ActionOutcome:
    """Run one of the object's tasks again; the same ``submission`` runs it once. One that asks has to be ``confirmed``.

    Nobody confirms what came after the panel was ``shown_at``: that somebody ran it again meanwhile.
    Raises PermissionDenied when the policy refuses, Http404 for a task of another object or a hidden one.
    """
    ref = ObjectRef.of(instance)
    try:
        account = accounts.read_account(task_id, beside=ref)
    except StoreUnavailable:
        return ActionOutcome(_("The list of tasks cannot be read at the moment. Nothing was sent."), status=503)
    task = account.at(ref)
    if task is None and not may_run_something(user):
        raise PermissionDenied
    if task is None:
        raise Http404(_("This task does not belong to this object."))
    try:
        again = candidate(task_id, user, submission, account)
        if again.asks and not (confirmed and again.was_there(shown_at)):
            reasons = " ".join(doubt.text for doubt in again.doubts if doubt.asks)
            return ActionOutcome(_("%(why)s Confirm it; nothing was sent.") % {"why": reasons}, status=400)
        record = rerun_candidate(again, user, submission=submission)
    except RerunRefused as error:
        return _refused(error)
    except (NotKnown, NotSent) as error:
        return _not_sent(error)
    return _sent(record, _("%(task)s was sent once more.") % {"task": presentable(task.label)})


def _refused(error: RerunRefused) -> ActionOutcome:
    if error.is_forbidden:
        raise PermissionDenied from error
    if error.is_away:
        return ActionOutcome(str(error), status=503)
    if error.is_closed:
        raise Http404(_("This task cannot be run again.")) from error
    return ActionOutcome(str(error), status=400)


def _task_of(instance: Model, task_id: str) -> TrackedTask:
    """Raises Http404 for a task of another object, StoreUnavailable."""
    (tasks,) = reading.read_tasks([ObjectRef.of(instance)])
    task = next((task for task in tasks if task.id == task_id), None)
    if task is None:
        raise Http404(_("This task does not belong to this object."))
    return task


def revoke_task(user: Any, instance: Model, task_id: str, *, terminate: bool = False) -> ActionOutcome:
    """Ask every worker to drop one of the object's tasks.

    Raises PermissionDenied when the policy refuses, Http404 for a task of another object.
    """
    if not allows(user, REVOKE_TASK, task_id):
        raise PermissionDenied
    ref = ObjectRef.of(instance)
    try:
        task = _task_of(instance, task_id)
    except StoreUnavailable:
        return ActionOutcome(_("The list of tasks cannot be read at the moment. Nothing was asked."), status=503)
    if states.is_final(task.state):
        return ActionOutcome(
            _("This task has already ended: %(state)s.") % {"state": task.state}, data=plain(Replies())
        )
    try:
        (acted,) = tasks.revoke(
            [task_id], user, terminate=terminate, places={task_id: [ref]}, task_name=presentable(task.name)
        )
    except BadInput as error:
        return ActionOutcome(str(error), status=400)
    except NotDone as error:
        if error.record is None:
            return ActionOutcome(str(error), status=503)
        return ActionOutcome(
            _("Requested, but the broker could not be reached: no worker has heard of it."), status=503
        )
    return ActionOutcome(acted.message, data=acted.data)
