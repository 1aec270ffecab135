"""Celery's signals where a task is executed: its start, and what became of each attempt."""

import os
from typing import Any

from celery import _state

from .. import states
from . import (
    capture,
    context,
    costs,
    delivery,
    facts,
    index,
    initial_arguments,
    redelivery_record,
    row_times,
    runs,
    task_threads,
    traces,
)
from .decorators import receiver, task_ended
from .endings import note_end, note_failure, note_interruption, untold_error
from .messages import header_of, published_at, run_of, schedule_in, untracked_run
from .recorder import recorder
from .registry import registry
from .runs import Execution
from .stamp import BEGUN, HEADER, RECEIVED, STARTED_BY, now_ms
from .workflows import chains


@receiver
def task_prerun(sender: Any, task_id: str, args: Any, kwargs: Any, **_: Any) -> None:
    request = sender.request
    task_threads.begin(task_id)
    chains.remember(request)
    initial_arguments.note(request, args or (), kwargs or {})
    row_times.note(request, published_at(vars(request)), now_ms(), schedule_in(vars(request)))
    if request.is_eager:
        context.note_send(task_id, sender.name)
    run = run_of(sender, request, args, kwargs) if _may_belong_to_objects(sender.name, request) else None
    if run is None:
        setattr(request, BEGUN, now_ms())
        return
    runs.start(run, request)
    run.is_redelivered = redelivery_record.is_marked(request.delivery_info)
    received = request.get(RECEIVED)
    received = received if isinstance(received, int) else None
    worker = _worker_of(request)
    start = facts.started(now_ms(), received, worker, run.stamp.published, os.getpid())
    if not worker and request.hostname:
        start[facts.HOSTNAME] = request.hostname
    for kind, value in start.items():
        run.note(kind, value)
    if trace_id := traces.trace_id_of(vars(request)):
        run.note(facts.TRACE, trace_id)
    if request.is_eager:
        by = {STARTED_BY: run.stamp.started_by} if run.stamp.started_by else {}
        request.headers = {**(request.headers or {}), HEADER: run.stamp.encoded(), **by}  # a retry goes on with it
    is_unkept = run.stamp.undecided is not None  # by a publisher of ours
    if not run.attempt and (is_unkept or index.is_far(run.stamp.published)):
        run.keep_arguments(args, kwargs)
    recorder().record(run.first_batch, run.whose)
    costs.begin(vars(request))


def _worker_of(request: Any) -> str:
    """Return whose signs of life tell of an execution; empty for an eager one outside of any worker.

    Such a one names its machine for its host, and one inside of a worker's task does, too.
    """
    if not request.is_eager:
        return request.hostname or ""
    around = (outer for task in _state._task_stack.stack for outer in task.request_stack.stack)
    return next((outer.hostname for outer in around if outer.hostname and not outer.is_eager), "")


def _may_belong_to_objects(name: str, request: Any) -> bool:
    if header_of(request) or registry.bindings(name):
        return True
    return bool(request.is_eager and (context.bound_objects() or runs.enclosing()))


@receiver
def task_retry(sender: Any, request: Any, reason: Any = None, **_: Any) -> None:
    """Called in the pool; and without a reason in the main process, for a task that its shutdown cut short."""
    if reason is None:
        note_interruption(sender, request, delivery.received.get(request.id))
        return
    run = runs.end(request) or run_of(sender, request)
    if run is None:
        return
    hidden = capture.secrets(run.name, request.args or (), request.kwargs or {})
    cause = getattr(reason, "exc", None)
    if cause is not None:
        run.note(facts.ERROR, capture.error(cause, hidden))
    run.note_now(facts.RETRIED)
    recorder().record(run.batch, run.whose)


@receiver
def task_success(sender: Any, result: Any, **_: Any) -> None:
    request = sender.request
    run = runs.end(request)
    if run is None:
        return
    if run.stamp.refs:  # a workflow keeps no values
        _note_result(run, result, request)
    note_end(run, states.SUCCESS)


def _note_result(run: Execution, result: Any, request: Any) -> None:
    text = capture.result(run.name, result, request.args or (), request.kwargs or {})
    if text is not None:
        run.note(facts.RESULT, text)


@receiver
def task_failure(sender: Any, task_id: str, exception: Any, args: Any, kwargs: Any, einfo: Any, **_: Any) -> None:
    """Called in the pool for an exception, in the main process for a lost child or a hard time limit.

    Celery 5.7 calls it for a task that rejected its message, too: that is no failure.
    """
    request = sender.request if sender.request.id == task_id else delivery.received.get(task_id)
    run = runs.end(request) if request is not None else None
    args, kwargs = initial_arguments.of_request(request, args, kwargs)
    if run is None and request is not None:
        run = run_of(sender, request, args, kwargs) or untracked_run(sender, request, exception, args, kwargs)
        if run is not None and request is sender.request:
            run.cost = costs.of(vars(request))
    if run is None:
        return
    note_failure(run, exception, args, kwargs, getattr(einfo, "traceback", None))


@receiver
def task_postrun(
    sender: Any, task_id: str, args: Any, kwargs: Any, state: str | None, retval: Any = None, **_: Any
) -> None:
    """The only signal of a task that was ignored or rejected itself; the others have ended by now.

    But where Celery breaks off: most often its result could not be stored, and then nothing else may ever tell.
    """
    task_ended(task_id)
    task_threads.end(task_id)
    run = runs.end(sender.request)
    if run is None:
        return
    if state == states.REJECTED and _is_given_back(sender, retval):
        run.note(facts.ERROR, capture.error(retval, capture.secrets(run.name, args or (), kwargs or {})))
        run.note_now(facts.RETURNED)
        recorder().record(run.batch, run.whose)
    elif state in (states.IGNORED, states.REJECTED):
        if run.replaced:
            run.note_now(facts.REPLACED)
            recorder().record(run.batch, run.whose)
        else:
            note_end(run, state)
    elif error := untold_error():  # an eager task whose errors propagate has one, too
        note_failure(run, error, args, kwargs)


def _is_given_back(task: Any, reject: Any) -> bool:
    """Whether a rejected message goes back to its queue: one that was acknowledged at its start cannot."""
    return bool(getattr(reject, "requeue", False)) and task.acks_late and not task.request.is_eager
