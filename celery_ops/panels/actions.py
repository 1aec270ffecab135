"""Launching and revoking from a panel: on its object only, asked of the policy, and journalled."""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.db.models import Model
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import states
from ..backends import control
from ..connections import BrokerUnavailable
from ..models import ControlRecord
from ..permissions import REVOKE_TASK, RUN_TASK, allows
from ..running.launcher import NotSent, launch
from ..tracking import reading
from ..tracking.context import tracking
from ..tracking.refs import ObjectRef
from ..tracking.registry import MissingRelatedObject, registry
from ..tracking.store import StoreUnavailable
from .building import clean
from .launching import launch_arguments, launchable


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action came to: words for the person who asked, and what the JSON answer says."""

    message: str
    status: int = 200
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status < 400


def launch_task(user: Any, instance: Model, task_name: str) -> Outcome:
    """Launch one of the object's tasks with the arguments that its binding gives.

    Raises Http404 for a task that is not tracked for the object's model or is hidden, PermissionDenied when the
    policy refuses.
    """
    tracked = [b for name, b in registry.for_model(type(instance)) if name == task_name and not b.hidden]
    if not tracked:
        raise Http404(_("This task cannot be launched for this object."))
    if not allows(user, RUN_TASK, task_name):
        raise PermissionDenied
    offered = {task.name: (task, binding) for task, binding in launchable(instance, user)}
    if task_name not in offered:
        raise Http404(_("This task cannot be launched for this object."))
    task, binding = offered[task_name]
    ref = ObjectRef.of(instance)
    signature = registry.signature(task_name)
    try:
        args, kwargs = launch_arguments(task_name, binding, instance)
        with tracking(instance):
            record = launch(
                task,
                args,
                kwargs,
                user=user,
                parameters=signature.positional if signature else (),
                sensitive=binding.sensitive,
                target=(ref.label, ref.pk),
            )
    except MissingRelatedObject as error:
        return Outcome(_("Not launched: %(reason)s.") % {"reason": error}, status=400)
    except NotSent as error:
        return Outcome(str(error), status=503)
    label = registry.label(task_name, ref.label)
    return Outcome(
        _("%(task)s was sent.") % {"task": label},
        status=201,
        data={"task_id": record.task_id, "record": record.pk},
    )


def revoke_task(user: Any, instance: Model, task_id: str, *, terminate: bool = False) -> Outcome:
    """Ask every worker to drop one of the object's tasks. Raises Http404 for a task of another object."""
    ref = ObjectRef.of(instance)
    try:
        (tasks,) = reading.read_tasks([ref])
    except StoreUnavailable:
        return Outcome(_("The list of tasks cannot be read at the moment. Nothing was asked."), status=503)
    task = next((task for task in tasks if task.id == task_id), None)
    if task is None:
        raise Http404(_("This task does not belong to this object."))
    if not allows(user, REVOKE_TASK, task_id):
        raise PermissionDenied
    if states.is_final(task.state):
        return Outcome(_("This task has already ended: %(state)s.") % {"state": task.state}, data=_answers())
    try:
        record = ControlRecord.objects.create(
            action="revoke",
            target=clean(task_id),
            parameters={"terminate": terminate, "task_name": clean(task.name)},
            user=user,
            username=user.get_username(),
        )
    except (DatabaseError, ValueError):  # ValueError: PostgreSQL's driver takes no NUL
        return Outcome(_("The journal could not be written, so nothing was asked."), status=503)
    reading.note_revoke_requested(ref, task_id)
    try:
        replies = control.revoke(task_id, terminate=terminate)
    except BrokerUnavailable as error:
        ControlRecord.objects.filter(pk=record.pk).update(replies={"error": str(error)})
        return Outcome(_("Requested, but the broker could not be reached: no worker has heard of it."), status=503)
    data = _answers(replies)
    ControlRecord.objects.filter(pk=record.pk).update(replies=data)
    return Outcome(_asked(replies), data=data)


def _answers(replies: control.Replies | None = None) -> dict[str, Any]:
    replies = replies or control.Replies()
    return {
        "asked": list(replies.asked),
        "answered": {host: _plain(reply) for host, reply in replies.answered.items()},
        "silent": list(replies.silent),
    }


def _plain(reply: Any) -> str:
    """A worker's reply in a few words: it may send anything."""
    ok = reply.get("ok") if isinstance(reply, dict) else None
    return ok[:200] if isinstance(ok, str) else "answered"


def _asked(replies: control.Replies) -> str:
    if not replies.asked:
        return _("Requested, but no worker is up: nobody has heard of it yet.")
    asked, answered = len(replies.asked), len(replies.answered)
    asked_text = ngettext("Asked %(n)d worker", "Asked %(n)d workers", asked) % {"n": asked}
    return _("%(asked)s, %(answered)d answered.") % {"asked": asked_text, "answered": answered}
