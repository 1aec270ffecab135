"""Celery's signals in a worker's main process: messages that arrive, and those that reach no child of its pool."""

import weakref
from typing import Any

from .. import states
from . import argsrepr, facts
from .decorators import receiver
from .due import never_due
from .endings import note_end, note_failure
from .messages import run_of, run_of_message, untracked_run
from .registry import registry
from .stamp import CARRIED, DELIVERY, HEADER, RECEIVED, now_ms

#: Requests by task id, for as long as Celery has them.
received: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
#: Requests whose messages are not acknowledged yet, each by what no other living object has.
unacknowledged: dict[int, Any] = {}


def _hold(request: Any) -> None:
    for key in [key for key, other in unacknowledged.items() if other.acknowledged]:
        del unacknowledged[key]
    unacknowledged[id(request)] = request


def _disown(details: dict[str, Any]) -> None:
    """Forget what a message says in the place of this worker's own notes: Celery makes its headers the request's
    attributes, and anybody may have written them."""
    for name in [name for name in details if name.startswith(HEADER) and name not in CARRIED]:
        del details[name]


@receiver
def task_received(sender: Any, request: Any, **_: Any) -> None:
    """Note the time on what the pool will get: asking the store here would hold up the whole worker."""
    _disown(request.request_dict)
    received[request.id] = request
    if HEADER in request.request_dict or registry.bindings(request.task.name):
        request.request_dict[RECEIVED] = now_ms()
        request.request_dict[DELIVERY] = facts.execution_tag()
        if request.task.acks_late:
            _hold(request)
    argsrepr.note(request)
    if error := never_due(request):
        args, kwargs = request.args or (), request.kwargs or {}
        if run := run_of(request.task, request) or untracked_run(request.task, request, error, args, kwargs):
            note_failure(run, error, args, kwargs)


@receiver
def task_revoked(sender: Any, request: Any, **_: Any) -> None:
    """Called in place of the above for a message that was revoked before."""
    if request.id not in received:
        _disown(vars(request))
    if run := run_of(sender, request):
        note_end(run, states.REVOKED)


@receiver
def task_rejected(sender: Any, message: Any, **_: Any) -> None:
    if run := run_of_message(message):
        note_end(run, states.REJECTED)


@receiver
def task_unknown(sender: Any, message: Any, name: str, **_: Any) -> None:
    """Celery stores NotRegistered as the task's failure, and so do we."""
    if run := run_of_message(message):
        run.note(facts.ERROR, f"NotRegistered: {name}")
        note_end(run, states.FAILURE)
