"""Celery's signals, turned into facts. An untracked task costs no store command: a look-up, and a time in its message.

A tracked one costs three round trips: published, started, ended. Connected by ``AppConfig.ready``.
"""

import sys
import threading
import weakref
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from celery import signals
from celery.exceptions import Ignore, Reject, Retry

from .. import states
from ..conf import conf
from . import capture, chains, context, facts, given, heartbeat, index, masked, prefix, recorder, row_times, runs
from .binding import Undecided, resolve
from .edge import receiver, task_ended
from .recorder import recorder as the_recorder
from .refs import ObjectRef
from .registry import registry
from .runs import Execution
from .stamp import (
    BEGUN,
    DELIVERY,
    FIRST_PUBLISHED,
    HEADER,
    MAX_OBJECTS,
    PUBLISHED,
    RECEIVED,
    WHOSE,
    Stamp,
    decoded,
    now_ms,
)
from .store import Batch

NO_DETAILS: Mapping[str, Any] = {}


def connect() -> None:
    """Connect every receiver; once is enough, again does no harm."""
    for name, function in RECEIVERS.items():
        getattr(signals, name).connect(function, weak=False, dispatch_uid=f"celery_ops.{name}")


# -- in the process that publishes ------------------------------------------------------------------------------------


@receiver
def before_task_publish(sender: str, headers: dict[str, Any], body: Any, **_: Any) -> None:
    """Stamp the message with its objects; a message sent again keeps its first stamp."""
    if not isinstance(headers, dict) or "id" not in headers:
        return  # message protocol 1
    earlier, published = headers.get(PUBLISHED), now_ms()
    headers[PUBLISHED] = published
    if prefix.is_asked():
        headers.setdefault(WHOSE, prefix.current())
    request = runs.current_request()
    if earlier and request is not None and request.id == headers["id"]:  # it is tried again
        headers.setdefault(FIRST_PUBLISHED, earlier)
    parent = runs.of(request)
    if parent is not None and headers["id"] == parent.task_id:
        _republish(parent, headers, request)
        return
    if not (parent or context.bound_objects() or registry.bindings(sender)):
        return
    args, kwargs = body[0], body[1]
    given = chains.prepended(request, headers, args, kwargs)
    undecided = None
    try:
        own = resolve(sender, args, kwargs, prepended=given)
    except Undecided:
        own, undecided = [], given
    stamp = _stamp(sender, own, parent, published, undecided)
    headers[HEADER] = text = stamp.encoded()
    _latest.stamped = (text, stamp)


def _republish(run: Execution, headers: dict[str, Any], request: Any) -> None:
    """A retry goes on as it is; what ``Task.replace`` sends takes over the id."""
    headers.setdefault(HEADER, run.stamp.encoded())
    if run.whose:
        headers[WHOSE] = run.whose
    run.replaced = headers.get("replaced_task_nesting", 0) > (request.replaced_task_nesting or 0)


#: The stamp that this thread made last, so that what follows at once need not read it again.
_latest = threading.local()


def _stamp(
    name: str,
    own: list[ObjectRef],
    parent: Execution | None,
    published: int | None,
    undecided: int | None = None,
    whose: str = "",
) -> Stamp:
    bound = context.bound_objects()
    mine = tuple(dict.fromkeys((*own, *bound)) if bound else own)[:MAX_OBJECTS]
    whose = whose or _whose()
    inherited = _inherited(name, mine, parent) if parent and parent.whose == whose else ()
    return Stamp(mine, inherited, published, undecided, whose)


def _whose(details: Mapping[str, Any] = NO_DETAILS) -> str:
    """Return the prefix that a message says its facts belong under, else the one of this moment where it depends."""
    if not prefix.is_asked():
        return ""
    said = details.get(WHOSE) or (details.get("headers") or NO_DETAILS).get(WHOSE)
    return said if isinstance(said, str) and said else prefix.current()


def _inherited(name: str, mine: tuple[ObjectRef, ...], parent: Execution) -> tuple[ObjectRef, ...]:
    """Of a model that a task is tracked for, its own arguments alone say which objects are its."""
    refs = (ref for ref in parent.stamp.refs if ref not in mine and not registry.is_bound(name, ref.label))
    return tuple(refs)[:MAX_OBJECTS]


@receiver
def after_task_publish(sender: str, headers: Any, body: Any, **_: Any) -> None:
    """The message is with the broker: write PENDING. A retry's own signal says what there is to say of it."""
    text = headers.get(HEADER) if isinstance(headers, dict) else None
    context.note_send((headers or {}).get("id") or _id_in(body), sender)
    if text is None:
        return
    latest, stamp = getattr(_latest, "stamped", (None, None))
    if latest is not text:
        stamp = decoded(text)
    if stamp is None or not stamp.refs:
        return
    stamp = _owned(stamp, headers)
    run = Execution(headers["id"], sender, 0, stamp, headers.get("parent_id"), nesting=_nesting(headers))
    current = runs.current()
    if current is not None and current.task_id == run.task_id:
        if not current.replaced:
            return
        run.parent_id = current.parent_id
    run.keep_arguments(body[0], body[1])
    if original := context.retry_of():
        run.note_original(original)
    the_recorder().record(run.first_batch(), run.whose)


def _id_in(body: Any) -> str:
    """Protocol 1 says it there."""
    return body.get("id", "") if isinstance(body, dict) else ""


# -- in the worker's main process -------------------------------------------------------------------------------------

_received: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()


#: Requests whose messages are not acknowledged yet, by the tag of their delivery.
_held: dict[str, Any] = {}


def _hold(request: Any) -> None:
    for tag in [tag for tag, held in _held.items() if held.acknowledged]:
        del _held[tag]
    _held[request.request_dict[DELIVERY]] = request


@receiver
def task_received(sender: Any, request: Any, **_: Any) -> None:
    """Note the time on what the pool will get: asking the store here would hold up the whole worker."""
    _received[request.id] = request
    if HEADER in request.request_dict or registry.bindings(request.task.name):
        request.request_dict[RECEIVED] = now_ms()
        request.request_dict[DELIVERY] = facts.execution_tag()
        if request.task.acks_late:
            _hold(request)
    masked.note(request)


@receiver
def task_revoked(sender: Any, request: Any, **_: Any) -> None:
    if run := _run_of(sender, request):
        _ended(run, states.REVOKED)


@receiver
def task_rejected(sender: Any, message: Any, **_: Any) -> None:
    if run := _run_of_message(message):
        _ended(run, states.REJECTED)


@receiver
def task_unknown(sender: Any, message: Any, name: str, **_: Any) -> None:
    """Celery stores NotRegistered as the task's failure, and so do we."""
    if run := _run_of_message(message):
        run.note(facts.ERROR, f"NotRegistered: {name}")
        _ended(run, states.FAILURE)


def _run_of_message(message: Any) -> Execution | None:
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    stamp = decoded(headers.get(HEADER))
    if stamp is None or not stamp.refs or not isinstance(headers.get("id"), str):
        return None
    attempt, name = headers.get("retries") or 0, str(headers.get("task"))
    stamp = _owned(stamp, headers)
    return Execution(headers["id"], name, attempt, stamp, headers.get("parent_id"), nesting=_nesting(headers))


# -- where the task is executed ---------------------------------------------------------------------------------------


@receiver
def task_prerun(sender: Any, task_id: str, args: Any, kwargs: Any, **_: Any) -> None:
    request = sender.request
    chains.remember(request)
    given.note(request, args or (), kwargs or {})
    row_times.note(request, _published(vars(request)), now_ms())
    if request.is_eager:
        context.note_send(task_id, sender.name)
    if (
        not _header(request)
        and not registry.bindings(sender.name)
        and not (request.is_eager and (context.bound_objects() or runs.enclosing()))
    ):
        setattr(request, BEGUN, now_ms())
        return
    run = _run_of(sender, request, args, kwargs)
    if run is None:
        setattr(request, BEGUN, now_ms())
        return
    runs.start(run, request)
    received = request.get(RECEIVED)
    received = received if isinstance(received, int) else None
    for kind, value in facts.started(now_ms(), received, request.hostname or "", run.stamp.published).items():
        run.note(kind, value)
    if request.is_eager:
        request.headers = {**(request.headers or {}), HEADER: run.stamp.encoded()}  # a retry goes on with it
    if run.stamp.undecided is not None and not run.attempt:  # no publisher of ours has kept them
        run.keep_arguments(args, kwargs)
    the_recorder().record(run.first_batch(), run.whose)


@receiver
def task_retry(sender: Any, request: Any, reason: Any = None, **_: Any) -> None:
    """Called in the pool; and without a reason in the main process, for a task that its shutdown cut short."""
    if reason is None:
        _interrupted(sender, request, _received.get(request.id))
        return
    run = runs.end(request) or _run_of(sender, request)
    if run is None:
        return
    hidden = capture.secrets(run.name, request.args or (), request.kwargs or {})
    cause = getattr(reason, "exc", None)
    if cause is not None:
        run.note(facts.ERROR, capture.error(cause, hidden))
    run.note_now(facts.RETRIED)
    the_recorder().record(run.batch(), run.whose)


def _interrupted(task: Any, request: Any, held: Any) -> None:
    """Write that a shutdown ended an execution: a message that was not acknowledged goes back to its queue."""
    args, kwargs = request.args or (), request.kwargs or {}
    is_gone = not task.acks_late if held is None else held.acknowledged
    run = _run_of(task, request) or (_untracked(task, request, None, args, kwargs) if is_gone else None)
    if run is None:
        return
    run.note_now(facts.CUT if is_gone else facts.RETURNED)
    _record_apart(run.failed_batch(args, kwargs) if is_gone else run.batch(), run.whose)


def _record_apart(batch: Batch, whose: str) -> None:
    """Write in a thread: a shutdown's signal may have struck while this one held the recorder's lock."""
    thread = threading.Thread(target=lambda: the_recorder().record(batch, whose), name="celery_ops writes", daemon=True)
    thread.start()
    thread.join(recorder.EXIT_PATIENCE)


@receiver
def task_success(sender: Any, result: Any, **_: Any) -> None:
    request = sender.request
    run = runs.end(request)
    if run is None:
        return
    if (kept := capture.result(run.name, result, request.args or (), request.kwargs or {})) is not None:
        run.note(facts.RESULT, kept)
    _ended(run, states.SUCCESS)


@receiver
def task_failure(sender: Any, task_id: str, exception: Any, args: Any, kwargs: Any, einfo: Any, **_: Any) -> None:
    """Called in the pool for an exception, in the main process for a lost child or a hard time limit.

    Celery 5.7 calls it for a task that rejected its message, too: that is no failure.
    """
    request = sender.request if sender.request.id == task_id else _received.get(task_id)
    run = runs.end(request) if request is not None else None
    args, kwargs = given.noted(request, args, kwargs)
    if run is None and request is not None:
        run = _run_of(sender, request, args, kwargs) or _untracked(sender, request, exception, args, kwargs)
    if run is None:
        return
    _failed(run, exception, args, kwargs, getattr(einfo, "traceback", None))


def _untracked(task: Any, request: Any, exception: Any, args: Any, kwargs: Any) -> Execution | None:
    """Return what there is to keep of a task that belongs to no object, so that it can be run again; else None."""
    details = getattr(request, "request_dict", None) or vars(request)
    if task.name.startswith("celery.") or details.get("is_eager") or isinstance(exception, (Reject, Retry, Ignore)):
        return None
    if conf.ARGS_CAPTURE == "none":
        return None
    stamp = Stamp((index.own_place(request.id),), published=_published(details), whose=_whose(details))
    run = Execution(request.id, task.name, details.get("retries") or 0, stamp, nesting=_nesting(details))
    begun = details.get(BEGUN)
    if isinstance(begun, int):
        for kind, value in facts.started(begun, None, details.get("hostname") or "", stamp.published).items():
            run.note(kind, value)
    run.keep_arguments(args or (), kwargs or {})
    return run


def _published(details: Mapping[str, Any]) -> int | None:
    """When a task was published first, as its request or the headers of its message say."""
    headers = details.get("headers") or {}
    times = (given.get(name) for name in (FIRST_PUBLISHED, PUBLISHED) for given in (details, headers))
    return next((time for time in times if isinstance(time, int)), None)


@receiver
def task_postrun(
    sender: Any, task_id: str, args: Any, kwargs: Any, state: str | None, retval: Any = None, **_: Any
) -> None:
    """The only signal of a task that was ignored or rejected itself; the others have ended by now."""
    task_ended(task_id)
    run = runs.end(sender.request)
    if run is None:
        return
    if state == states.REJECTED and _is_given_back(sender, retval):
        run.note(facts.ERROR, capture.error(retval, capture.secrets(run.name, args or (), kwargs or {})))
        run.note_now(facts.RETURNED)
        the_recorder().record(run.batch(), run.whose)
    elif state in (states.IGNORED, states.REJECTED) and not run.replaced:
        _ended(run, state)
    elif state is None and sender.request.is_eager and isinstance(error := sys.exc_info()[1], Exception):
        _failed(run, error, args, kwargs)  # an eager task whose errors propagate sends no task_failure


def _is_given_back(task: Any, reject: Any) -> bool:
    """Whether a rejected message goes back to its queue: one that was acknowledged at its start cannot."""
    return bool(getattr(reject, "requeue", False)) and task.acks_late and not task.request.is_eager


def _failed(run: Execution, exception: Any, args: Any, kwargs: Any, traceback: Any = None) -> None:
    hidden = capture.secrets(run.name, args or (), kwargs or {})
    run.note(facts.ERROR, capture.error(exception, hidden))
    if kept := capture.traceback(traceback, hidden):
        run.note(facts.TRACEBACK, kept)
    if isinstance(exception, Reject):
        _ended(run, states.REJECTED)
        return
    run.note_now(facts.ENDED[states.FAILURE])
    the_recorder().record(run.failed_batch(args or (), kwargs or {}), run.whose)


def _ended(run: Execution, state: str) -> None:
    run.note_now(facts.ENDED[state])
    the_recorder().record(run.batch(), run.whose)


def _run_of(task: Any, request: Any, args: Any = None, kwargs: Any = None) -> Execution | None:
    """Return what a worker's request says of the task's objects: by its stamp, else by its arguments."""
    details = getattr(request, "request_dict", None) or vars(request)
    attempt = details.get("retries") or 0
    task_id, parent_id = request.id, details.get("parent_id")
    stamp = decoded(_header(request))
    if stamp is None or stamp.undecided is not None:
        args = request.args if args is None else args
        kwargs = request.kwargs if kwargs is None else kwargs
        try:
            own = resolve(task.name, args or (), kwargs or {}, prepended=stamp.undecided or 0 if stamp else 0)
        except Undecided:
            own = []
        parent = runs.enclosing() if details.get("is_eager") else None
        if parent is not None and parent.task_id != task_id:
            parent_id = parent.task_id  # Celery 5.5 says nothing of an eager task's parent
        else:
            parent = None
        if stamp is None:
            published = now_ms() if details.get("is_eager") else None
            stamp = _stamp(task.name, own, parent, published, whose=_whose(details))
        stamp = replace(stamp, own=tuple(dict.fromkeys((*own, *stamp.own))), undecided=stamp.undecided or 0)
    if not stamp.refs:
        return None
    stamp = _owned(stamp, details)
    delivery = details.get(DELIVERY)
    return Execution(
        task_id,
        task.name,
        attempt,
        stamp,
        parent_id,
        nesting=_nesting(details),
        delivery=delivery if isinstance(delivery, str) else "",
    )


def _owned(stamp: Stamp, details: Mapping[str, Any]) -> Stamp:
    """The stamp with whose it is, which the message says beside it."""
    return replace(stamp, whose=stamp.whose or _whose(details)) if prefix.is_asked() else stamp


def _nesting(details: Mapping[str, Any]) -> int:
    nesting = details.get("replaced_task_nesting")
    return nesting if isinstance(nesting, int) else 0


def _header(request: Any) -> Any:
    details = getattr(request, "request_dict", None) or vars(request)
    return details.get(HEADER) or (details.get("headers") or {}).get(HEADER)


# -- a process's own life ---------------------------------------------------------------------------------------------


@receiver
def worker_ready(sender: Any, **_: Any) -> None:
    heartbeat.start(sender.hostname)


@receiver
def worker_shutting_down(**_: Any) -> None:
    """A signal told it to end: it takes nothing any more, and may work for long on what it has.

    Since Celery 5.6 no signal tells of a task that is cut short and whose message goes back to its queue.
    """
    heartbeat.leave()
    for request in list(_held.values()):
        if getattr(request, "_already_cancelled", False):
            _interrupted(request.task, request, request)


@receiver
def worker_shutdown(**_: Any) -> None:
    heartbeat.stop()
    recorder.flush_at_exit()


@receiver
def process_ends(**_: Any) -> None:
    recorder.flush_at_exit()


RECEIVERS = {
    "before_task_publish": before_task_publish,
    "after_task_publish": after_task_publish,
    "task_received": task_received,
    "task_revoked": task_revoked,
    "task_rejected": task_rejected,
    "task_unknown": task_unknown,
    "task_prerun": task_prerun,
    "task_retry": task_retry,
    "task_success": task_success,
    "task_failure": task_failure,
    "task_postrun": task_postrun,
    "worker_ready": worker_ready,
    "worker_shutting_down": worker_shutting_down,
    "worker_process_shutdown": process_ends,
    "worker_shutdown": worker_shutdown,
}
