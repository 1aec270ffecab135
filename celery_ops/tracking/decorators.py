"""What keeps our faults from the host: whatever a function raises is counted and logged, and goes no further."""

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from billiard.exceptions import SoftTimeLimitExceeded

from ..logs import get_logger, is_new
from . import counters, runs

logger = get_logger("celery_ops.tracking")

F = TypeVar("F", bound=Callable[..., Any])

#: Seconds after which a soft time limit that struck in a receiver strikes again, then in the task's own code.
REARM_AFTER: Final = 0.05


def receiver(function: F) -> F:
    """Make a signal receiver harmless: it returns None whatever happens inside.

    Celery swallows what a receiver raises, so a soft time limit that strikes inside one would be gone: it is sent
    again to the task, if that is still running then.
    """

    @functools.wraps(function)
    def safe(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except SoftTimeLimitExceeded:
            _rearm()
        except Exception as error:
            _note(function, error)

    return safe  # type: ignore[return-value]  # the wrapped function's own type


def never_raises(function: F) -> F:
    """Make a function harmless that a task calls itself: it returns None, and only a soft time limit passes through."""

    @functools.wraps(function)
    def safe(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            _note(function, error)

    return safe  # type: ignore[return-value]  # the wrapped function's own type


def part_of_a_page(function: F) -> F:
    """Make a template tag harmless: a page of the host's is shown without it, whatever it raises."""

    @functools.wraps(function)
    def safe(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SoftTimeLimitExceeded:  # a task may render a page, too
            raise
        except Exception as error:
            _note(function, error, "the page is shown without it")
            return ""

    return safe  # type: ignore[return-value]  # the wrapped function's own type


def _note(function: Callable[..., Any], error: Exception, comfort: str = "the task is not affected") -> None:
    counters.add("errors")
    if is_new(function.__name__, type(error)):
        logger.warning("%s failed; %s. Said once.", function.__name__, comfort, exc_info=error)


#: The tasks that a soft time limit has yet to reach.
_owed: set[str] = set()


def _rearm() -> None:
    request = runs.current_request()
    if request is None or not hasattr(signal, "SIGUSR1"):
        return
    task_id, process = request.id, os.getpid()
    _owed.add(task_id)

    def strike() -> None:
        if task_id in _owed and os.getpid() == process:
            _owed.discard(task_id)
            os.kill(process, signal.SIGUSR1)  # what billiard's pool sends for a soft time limit

    timer = threading.Timer(REARM_AFTER, strike)
    timer.daemon = True
    timer.start()


def task_ended(task_id: str) -> None:
    """Owe the task nothing any more: its own code has returned."""
    _owed.discard(task_id)
