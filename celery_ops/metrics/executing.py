"""Celery's signals in a worker, counted: an event is an append.

The main process counts what arrives and what reaches no child of its pool; a child counts what it runs.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from billiard.exceptions import WorkerLostError
from celery.exceptions import Reject

from .. import states
from ..tracking import delivery, prefix
from ..tracking.edge import receiver
from ..tracking.stamp import PUBLISHED, WHOSE
from . import publishing
from .cells import Total
from .counting import Counting
from .flushing import flush_at_exit, flusher
from .queues import queue_of
from .rows import work_for
from .switch import is_on
from .tally import Event, Subject, minute

#: What a task publishes with.
OF_TASKS: Final = (publishing,)
#: Set on a request: when it began by ``time.perf_counter()``, and the ends of it that are counted.
BEGAN: Final = "celery_ops_began"
COUNTED: Final = "celery_ops_counted"


@receiver
def task_received(request: Any, **_: Any) -> None:
    if is_on():
        _count(request.task.name, request, Total.RECEIVED)


@receiver
def task_prerun(sender: Any, **_: Any) -> None:
    if not is_on():
        return
    request = sender.request
    setattr(request, BEGAN, time.perf_counter())
    waited = None if request.is_eager else _waited(request)
    is_skewed = waited is not None and waited < 0
    _count(sender.name, request, Total.STARTED, None if waited is None else max(0.0, waited), is_skewed=is_skewed)


@receiver
def task_success(sender: Any, **_: Any) -> None:
    if is_on():
        _end(sender.name, sender.request, Total.SUCCESS)


@receiver
def task_retry(sender: Any, request: Any, reason: Any = None, **_: Any) -> None:
    """Without a reason a shutdown cut the task short: its message goes back, which is no retry of its own."""
    if is_on() and reason is not None:
        _end(sender.name, request, Total.RETRY)


@receiver
def task_failure(sender: Any, task_id: str, exception: Any, **_: Any) -> None:
    """Called in the pool, and in the main process for a lost child or a hard time limit: there twice at times."""
    if not is_on() or isinstance(exception, Reject):
        return
    received = delivery.received.get(task_id)
    request = sender.request if sender.request.id == task_id else received
    _end(sender.name, request, Total.FAILURE, type(exception).__name__, received)
    if isinstance(exception, WorkerLostError):
        _end(sender.name, request, Total.LOST, "", received)


@receiver
def task_postrun(sender: Any, state: str | None, **_: Any) -> None:
    if is_on() and state == states.REJECTED:
        _end(sender.name, sender.request, Total.REJECTED)


@receiver
def task_revoked(sender: Any, request: Any, **_: Any) -> None:
    if is_on():
        _end(sender.name, request, Total.REVOKED)


@receiver
def task_rejected(message: Any, **_: Any) -> None:
    """A message that no worker could read, or would."""
    if is_on():
        _of_message(message, Total.REJECTED)


@receiver
def task_unknown(message: Any, name: str, **_: Any) -> None:
    """Celery stores NotRegistered as the task's failure, and so do we."""
    if is_on():
        _of_message(message, Total.FAILURE, name, "NotRegistered")


@receiver
def worker_init(sender: Any, **_: Any) -> None:
    """What a child of the pool needs is imported by now."""
    work_for(str(sender.hostname))


@receiver
def worker_process_shutdown(**_: Any) -> None:
    flush_at_exit()


@receiver
def worker_shutdown(**_: Any) -> None:
    flush_at_exit()


def _end(name: str, request: Any, kind: Total, exception: str = "", received: Any = None) -> None:
    """Count an end once, however often Celery tells of it: ``received`` is what it tells all of it of."""
    if request is None:
        _add(Event(_subject(name, "", None), kind, None, exception))
        return
    teller = request if received is None else received
    counted = getattr(teller, COUNTED, ())
    if kind in counted:
        return
    setattr(teller, COUNTED, (*counted, kind))
    began = getattr(request, BEGAN, None)
    took = time.perf_counter() - began if began is not None and kind in (Total.SUCCESS, Total.FAILURE) else None
    _count(name, request, kind, took, exception)


def _count(
    name: str,
    request: Any,
    kind: Total,
    seconds: float | None = None,
    exception: str = "",
    *,
    is_skewed: bool = False,
) -> None:
    details = getattr(request, "request_dict", None) or vars(request)
    subject = _subject(name, queue_of(getattr(request, "delivery_info", None)), _header(details, WHOSE))
    _add(Event(subject, kind, seconds, exception, is_skewed))


def _of_message(message: Any, kind: Total, name: Any = None, exception: str = "") -> None:
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    name = name or headers.get("task")
    if isinstance(name, str):
        subject = _subject(name, queue_of(getattr(message, "delivery_info", None)), headers.get(WHOSE))
        _add(Event(subject, kind, None, exception))


def _add(event: Event) -> None:
    current = flusher()
    current.source(Counting).add(event)
    current.wake()


def _subject(name: str, queue: str, whose: Any) -> Subject:
    whose = whose if isinstance(whose, str) and whose else prefix.current()
    return Subject(minute(), whose, name, queue)


def _header(details: Mapping[str, Any], name: str) -> Any:
    value = details.get(name)
    return value if value is not None else (details.get("headers") or {}).get(name)


def _waited(request: Any) -> float | None:
    """Return the seconds from a publish, or the time that a task was to run at, to now; None when it is not known."""
    published = _header(vars(request), PUBLISHED)
    if not isinstance(published, int):
        return None
    due = published / 1000
    if isinstance(request.eta, str):
        due = max(due, _moment(request.eta))
    return time.time() - due


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
