"""Celery's signals in a worker, counted: an event is an append.

The main process counts what arrives and what reaches no child of its pool; a child counts what it runs.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.exceptions import Reject
from kombu.exceptions import DecodeError, SerializerNotInstalled

from .. import states
from ..tracking import costs, delivery, prefix
from ..tracking.costs import Cost
from ..tracking.decorators import receiver
from ..tracking.due import never_due
from ..tracking.endings import untold_error
from ..tracking.request_details import details_of, header_in
from ..tracking.stamp import PUBLISHED, WHOSE
from . import prefetching, publishing
from .cells import Total
from .flushing import flusher
from .releases import note_release
from .rows import work_for
from .switch import is_asked, is_on, is_prefetching_counted
from .tally import minute

#: What a task publishes with.
OF_TASKS: Final = (publishing,)
#: Set on a request: when it began by ``time.perf_counter()``, and the ends of it that are counted.
BEGAN: Final = "celery_ops_began"
COUNTED: Final = "celery_ops_counted"
#: Milliseconds since the epoch at which a message may have been published: since there is Celery, until year 10,000.
_BELIEVED: Final = range(1_240_000_000_000, 253_402_300_800_000)
#: Why a task fails that its process says nothing of: it is gone, or could not read the message.
UNTOLD: Final = (WorkerLostError, TimeLimitExceeded, DecodeError, SerializerNotInstalled)

SUCCEEDED: Final = (Total.SUCCESS,)
#: The task that Celery broke off last in this process, of which it may still tell.
_broken_off = ""


@receiver
def task_received(request: Any, **_: Any) -> None:
    if is_on():
        if is_prefetching_counted():
            prefetching.note_received(request.request_dict)
        _count(request.task.name, request.request_dict, request.delivery_info, Total.RECEIVED)
        if error := never_due(request):
            _end(request.task.name, request, Total.FAILURE, type(error).__name__)


@receiver
def task_prerun(sender: Any, **_: Any) -> None:
    if not is_on():
        return
    details = vars(sender.request)
    details[BEGAN] = time.perf_counter()
    if costs.BEGAN not in details:
        costs.begin(details)
    if is_prefetching_counted():
        prefetching.note_begun(_whose(details), sender.name, details)
    waited = None if details.get("is_eager") else _waited(details)
    if waited is not None and waited < 0:
        _count(sender.name, details, details.get("delivery_info"), Total.STARTED, 0.0, is_skewed=True)
    else:
        _count(sender.name, details, details.get("delivery_info"), Total.STARTED, waited)


@receiver
def task_success(sender: Any, **_: Any) -> None:
    """The only end that Celery tells once, and by far the most frequent one."""
    if is_on():
        details = vars(sender.request)
        began = details.get(BEGAN)
        took = None if began is None else time.perf_counter() - began
        cost = costs.of(details) if costs.BEGAN in details else None
        details[COUNTED] = SUCCEEDED
        if is_prefetching_counted():
            prefetching.note_ended(_whose(details), sender.name, details)
        _count(sender.name, details, details.get("delivery_info"), Total.SUCCESS, took, cost=cost)


@receiver
def task_retry(sender: Any, request: Any, reason: Any = None, **_: Any) -> None:
    """Without a reason a shutdown cut the task short: its message goes back, which is no retry of its own."""
    if not is_on() or reason is None:
        return
    _end(sender.name, request, Total.RETRY)
    if isinstance(getattr(reason, "exc", None), WorkerLostError):  # Celery 5.7 retries it, where it is to
        _end(sender.name, request, Total.LOST)


@receiver
def task_failure(sender: Any, task_id: str, exception: Any, **_: Any) -> None:
    """Called in the pool, and in the main process for a lost child or a hard time limit: there twice at times.

    Where Celery broke a task off, what it says of that afterwards was counted already: here, or in the pool. Its main
    process lends the task a request then (5.7), which is not the one that was begun. Of what is no Exception, as
    asyncio.CancelledError, only the main process is told.
    """
    if not is_on() or isinstance(exception, Reject):
        return
    received, has_request = delivery.received.get(task_id), sender.request.id == task_id
    is_here = has_request and BEGAN in vars(sender.request)
    was_told = isinstance(exception, Exception) and not isinstance(exception, UNTOLD)
    if not is_here and (task_id == _broken_off or was_told):
        return
    request = sender.request if has_request else received
    _end(sender.name, request, Total.FAILURE, type(exception).__name__, received)
    if isinstance(exception, WorkerLostError):
        _end(sender.name, request, Total.LOST, "", received)


@receiver
def task_postrun(sender: Any, task_id: str, state: str | None, **_: Any) -> None:
    """A task that rejected its message, or that Celery broke off: its result could not be stored, as a rule."""
    global _broken_off
    if not is_on() or state == states.IGNORED:
        return
    if state == states.REJECTED:
        _end(sender.name, sender.request, Total.REJECTED)
    elif COUNTED not in vars(sender.request) and (error := untold_error()):
        _broken_off = task_id
        _end(sender.name, sender.request, Total.FAILURE, type(error).__name__)


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
def worker_ready(**_: Any) -> None:
    if is_on():
        note_release()


@receiver
def worker_process_shutdown(**_: Any) -> None:
    flusher.end()


@receiver
def worker_shutdown(**_: Any) -> None:
    flusher.end()


def _end(name: str, request: Any, kind: Total, exception: str = "", received: Any = None) -> None:
    """Count an end once, however often Celery tells of it: ``received`` is what it tells all of it of."""
    if request is None:
        _count(name, {}, None, kind, None, exception)
        return
    teller = request if received is None else received
    counted = getattr(teller, COUNTED, ())
    if kind in counted:
        return
    setattr(teller, COUNTED, (*counted, kind))
    began = getattr(request, BEGAN, None)
    took = time.perf_counter() - began if began is not None and kind is Total.FAILURE else None
    details = details_of(request)
    cost = costs.of(details) if costs.BEGAN in details and kind is not Total.LOST else None
    if kind is Total.FAILURE and is_prefetching_counted():
        prefetching.note_ended(_whose(details), name, details)
    _count(name, details, request.delivery_info, kind, took, exception, cost=cost)


def _of_message(message: Any, kind: Total, name: Any = None, exception: str = "") -> None:
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    name = name or headers.get("task")
    if isinstance(name, str):
        _count(name, headers, getattr(message, "delivery_info", None), kind, None, exception)


def _count(
    name: str,
    details: Mapping[str, Any],
    delivery_info: Any,
    kind: Total,
    seconds: float | None = None,
    exception: str = "",
    is_skewed: bool = False,
    cost: Cost | None = None,
) -> None:
    """Count an event of a task. ``details`` are what its request or the headers of its message say."""
    info = delivery_info if isinstance(delivery_info, dict) else {}
    place = (minute(), _whose(details), name, info.get("exchange"), info.get("routing_key"))
    current = flusher()
    if cost is not None:
        current.counting.spend(place, cost)
    current.counting.add((place, kind, seconds, exception, is_skewed))
    if not current.is_awake:
        current.wake()


def _whose(details: Mapping[str, Any]) -> str:
    """Return the prefix under which a task is counted, empty for the site's one."""
    if not is_asked():
        return ""
    whose = header_in(details, WHOSE)
    return whose if isinstance(whose, str) and whose else prefix.current()


def _waited(details: Mapping[str, Any]) -> float | None:
    """Return the seconds from a publish, or the time that a task was to run at, to now; None when it is not known."""
    published = header_in(details, PUBLISHED)
    if type(published) is not int or published not in _BELIEVED:
        return None
    due = published / 1000
    if isinstance(eta := details.get("eta"), str):
        due = max(due, _moment(eta))
    return time.time() - due


def _moment(text: str) -> float:
    """Celery writes it with its zone; without one it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
