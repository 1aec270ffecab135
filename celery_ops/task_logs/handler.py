"""The handler that keeps what a task logs, and where it is added: to the root, and to every logger that ends there.

A line belongs to the task that Celery runs in its thread or greenlet. The loggers of Celery's own modules are left out;
what a task prints, which a worker turns into lines, is not.
"""

import logging
import threading
from functools import lru_cache
from typing import Any, Final

from billiard.exceptions import SoftTimeLimitExceeded
from celery import _state

from ..tracking import capture, counters, initial_arguments, messages, runs
from . import forks
from .attempt import AttemptLog
from .sending import sender
from .switch import ALL, NONE, wanted
from .texts import REACH, text_of

#: Where a log lies on the request of the task.
ATTRIBUTE: Final = "celery_ops_log"
#: The same of the task itself, with the request of the task around it.
AROUND: Final = "celery_ops_log_around"
#: Packages whose lines are about the work of Celery, and loggers in them whose are the site's.
OWN: Final = ("celery", "kombu", "amqp", "vine", "billiard", "multiprocessing", "celery_ops")
OF_SITES: Final = ("celery.task", "celery.redirected")
#: Those below the one that a worker sets up for tasks: many sites name theirs so.
BELOW_SITES: Final = "celery.task."


class TaskLogHandler(logging.Handler):
    """Never raises but what limits the task's time, takes no lock, and does not come again inside of itself."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def createLock(self) -> None:
        """Nothing here needs one, and a fork may find it held."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Keep a line of a task's. A busy task has many: what they have in common is all in here."""
        if self._logger.propagate and self._logger.parent is not None:
            return False  # it goes on to one that has this handler as well
        try:
            request = _here.request
            if request is None or is_own(record.name):
                return False
            log = request.__dict__.get(ATTRIBUTE) or _begun(request)
            if log.is_busy or log.generation != forks.generation:
                return False
            text = record.__dict__.get("message")  # as a handler before this one has put it together
            if record.exc_info or type(text) is not str or len(text) > REACH:
                log.is_busy = True  # a value's own method may log while it is put into words
                try:
                    text = text_of(record)
                finally:
                    log.is_busy = False
            if log.add(record.created, record.levelname, record.name, text):
                sender().wake(log)
        except SoftTimeLimitExceeded:
            raise
        except Exception:  # to log it would bring it here again
            counters.add("errors")
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record that was given past ``handle``."""
        self.handle(record)


class _Here(threading.local):
    """The request of the task that runs in this thread or greenlet, where its lines are wanted.

    To look for it among what Celery runs, at each line, takes longer than all else.
    """

    request: Any = None


_here: Final = _Here()


def enter(task: Any) -> None:
    """Have the lines of a task kept that begins here, if they are wanted."""
    mode, request = wanted(), task.request
    if mode == NONE or (mode != ALL and runs.of(request) is None) or task.name.startswith("celery."):
        return
    install()
    is_inside = request.is_eager and len(_state._task_stack.stack) > 1  # in another task
    setattr(request, AROUND, (task, _here.request if is_inside else None))
    _here.request = request


def leave(task: Any) -> None:
    """Let lines belong to the task around this one, if there is one."""
    details = vars(task.request)
    around = details.pop(AROUND, None)
    if around is not None:
        _here.request = around[1]
    log: AttemptLog | None = details.get(ATTRIBUTE)
    if log is not None and log.is_dirty:  # what ended it is about to be written, a few milliseconds from now
        log.redact()


def _begun(request: Any) -> AttemptLog:
    """Begin a task's log with its first line."""
    task, run = request.__dict__[AROUND][0], runs.of(request)
    hidden = capture.secrets(task.name, *initial_arguments.of_request(request, request.args, request.kwargs))
    whose = messages.whose_of(vars(request)) if run is None else run.whose
    log = AttemptLog(request.id, task.name, messages.attempt_of(vars(request)), hidden, whose)
    setattr(request, ATTRIBUTE, log)
    if run is not None:
        run.log = log.batch
    return log


@lru_cache(maxsize=5000)
def is_own(name: str) -> bool:
    """Return whether a logger is one of Celery's own modules, or of what it is made of."""
    return name.partition(".")[0] in OWN and name not in OF_SITES and not name.startswith(BELOW_SITES)


_installed: list[tuple[logging.Logger, TaskLogHandler]] = []
_loggers = 0  # that there were when they were looked through


def install() -> None:
    """Have lines kept that are logged from now on. Costs next to nothing where that is so already."""
    root = logging.root
    if len(root.manager.loggerDict) == _loggers and all(handler in logger.handlers for logger, handler in _installed):
        return
    _install(root)


def _install(root: logging.Logger) -> None:
    """A site's own configuration may have come meanwhile, and thrown handlers away or cut loggers off."""
    global _installed, _loggers
    names = dict(root.manager.loggerDict)
    ending = [logger for logger in names.values() if isinstance(logger, logging.Logger) and not logger.propagate]
    _installed = [(logger, _handler_of(logger)) for logger in (root, *ending)]
    _loggers = len(names)


def _handler_of(logger: logging.Logger) -> TaskLogHandler:
    for handler in logger.handlers:
        if isinstance(handler, TaskLogHandler):
            return handler
    handler = TaskLogHandler(logger)
    logger.addHandler(handler)
    return handler
