"""Celery's signals of failures, in a worker's pool and in its main process: what there is to say is noted, no more."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from celery.exceptions import Ignore, NotRegistered, Reject, Retry

from ..metrics.flushing import flusher
from ..metrics.rows import SEPARATOR
from ..metrics.switch import is_asked, is_on
from ..tracking import capture, delivery, initial_arguments, prefix, runs
from ..tracking.decorators import receiver
from ..tracking.due import never_due
from ..tracking.messages import header_of
from ..tracking.refs import ObjectRef
from ..tracking.request_details import details_of, header_in
from ..tracking.stamp import HEADER, WHOSE, decoded
from .counting import FailureCounting
from .fingerprint import class_of, message_of, qualified
from .frames import innermost
from .normalising import READ
from .tally import Failure

#: Set on a request whose failure is noted.
NOTED: Final = "celery_ops_failure_noted"
#: Characters of the end of a traceback that are looked at: more than is kept, so that no secret is cut in half.
LONGEST_TRACEBACK: Final = 8192
#: Ends that are no failures.
NO_FAILURES: Final = (Reject, Ignore, Retry)


@receiver
def worker_init(**_: Any) -> None:
    """What a child of the pool needs is imported by now."""


@receiver
def task_failure(
    sender: Any, task_id: str, exception: Any, args: Any = None, kwargs: Any = None, einfo: Any = None, **_: Any
) -> None:
    """Called in the pool, and in the main process for a lost child or a hard time limit: there twice at times."""
    if not is_on() or isinstance(exception, NO_FAILURES):
        return
    received = delivery.received.get(task_id)
    request = sender.request if sender.request.id == task_id else received
    teller = request if received is None else received
    if getattr(teller, NOTED, False):
        return
    if teller is not None:
        setattr(teller, NOTED, True)
    args, kwargs = initial_arguments.of_request(request, args, kwargs)
    traceback = getattr(einfo, "traceback", None)
    _add(
        Failure(
            time.time(),
            _whose(details_of(request) if request is not None else {}),
            sender.name,
            task_id,
            class_of(exception),
            message_of(exception, READ + 1),
            innermost(getattr(exception, "__traceback__", None) or getattr(einfo, "tb", None)),
            capture.secrets(sender.name, args, kwargs),
            _objects(request),
            traceback[-LONGEST_TRACEBACK:] if isinstance(traceback, str) else "",
        )
    )


@receiver
def task_received(request: Any, **_: Any) -> None:
    """Of what fails before it is begun no other signal tells."""
    if error := never_due(request):
        task_failure(request.task, request.id, error, request.args, request.kwargs)


@receiver
def task_unknown(message: Any, name: Any = None, **_: Any) -> None:
    """Celery stores NotRegistered as the task's failure, and so do we."""
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    name, task_id = name or headers.get("task"), headers.get("id")
    if not is_on() or not isinstance(name, str):
        return
    stamp = decoded(headers.get(HEADER))
    _add(
        Failure(
            time.time(),
            _whose(headers),
            name,
            task_id if isinstance(task_id, str) else "",
            qualified(NotRegistered.__module__, NotRegistered.__qualname__),
            message=f"'{name[:READ]}'",
            objects=_texts(stamp.refs if stamp else ()),
        )
    )


def _add(failure: Failure) -> None:
    current = flusher()
    current.source(FailureCounting).add(failure)
    if not current.is_awake:
        current.wake()


def _whose(details: Mapping[str, Any]) -> str:
    """Return the prefix that a failure belongs under where that depends on who asks, else nothing."""
    if not is_asked():
        return ""
    whose = header_in(details, WHOSE)
    return whose if isinstance(whose, str) and whose else prefix.current()


def _objects(request: Any) -> tuple[str, ...]:
    """Return what a task belongs to, by what is known without asking anybody."""
    if request is None:
        return ()
    run = runs.of(request)
    stamp = run.stamp if run is not None else decoded(header_of(request))
    return _texts(stamp.refs if stamp else ())


def _texts(refs: Iterable[ObjectRef]) -> tuple[str, ...]:
    return tuple(f"{ref.label}{SEPARATOR}{ref.pk}" for ref in refs)
