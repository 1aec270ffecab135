"""How an execution's end is written: well, by a failure, or by a shutdown that cut it short."""

import sys
import threading
from typing import Any, Final

from billiard.process import current_process
from celery.exceptions import Reject, WorkerShutdown, WorkerTerminate

from .. import states
from . import capture, facts, recorder
from .messages import run_of, untracked_run
from .runs import Execution
from .store import Batch

#: What ends a whole worker.
SHUTDOWNS: Final = (WorkerShutdown, WorkerTerminate)
#: Whose exceptions strike a task from outside, where a green pool ends it: the worker tells why.
GREEN: Final = frozenset({"greenlet", "gevent", "eventlet"})


def untold_error() -> BaseException | None:
    """Return what breaks off a task that is about to be left, where nothing else may ever tell of it.

    Of what is no Exception, as SystemExit, the main process of a prefork pool is told. Other pools lose it.
    """
    error = sys.exc_info()[1]
    if error is None or isinstance(error, Exception):
        return error
    is_struck = isinstance(error, SHUTDOWNS) or type(error).__module__.partition(".")[0] in GREEN
    return None if is_struck or current_process()._identity else error


def note_end(run: Execution, state: str) -> None:
    """Write that an execution ended now, in this state."""
    run.note_now(facts.ENDED[state])
    recorder.recorder().record(run.batch, run.whose)


def note_failure(run: Execution, exception: Any, args: Any, kwargs: Any, traceback: Any = None) -> None:
    """Write that it failed, or rejected its message; with what it takes to run it again."""
    hidden = capture.secrets(run.name, args or (), kwargs or {})
    run.note(facts.ERROR, capture.error(exception, hidden))
    if text := capture.traceback(traceback, hidden):
        run.note(facts.TRACEBACK, text)
    if isinstance(exception, Reject):
        note_end(run, states.REJECTED)
        return
    run.note_now(facts.ENDED[states.FAILURE])
    recorder.recorder().record(run.failed_batch(args or (), kwargs or {}), run.whose)


def note_interruption(task: Any, request: Any, received: Any) -> None:
    """Write that a shutdown ended an execution: a message that was not acknowledged goes back to its queue.

    ``received`` is the request as the worker's main process has it, None where it has it no more.
    """
    args, kwargs = request.args or (), request.kwargs or {}
    is_gone = not task.acks_late if received is None else received.acknowledged
    run = run_of(task, request) or (untracked_run(task, request, None, args, kwargs) if is_gone else None)
    if run is None:
        return
    run.note_now(facts.CUT if is_gone else facts.RETURNED)
    _record_apart(run.failed_batch(args, kwargs) if is_gone else run.batch(), run.whose)


def _record_apart(batch: Batch, whose: str) -> None:
    """Write in a thread: a shutdown's signal may have struck while this one held the recorder's lock."""

    def write() -> None:
        recorder.recorder().record(batch, whose)
        recorder.recorder().flush()

    thread = threading.Thread(target=write, name="celery_ops writes", daemon=True)
    thread.start()
    thread.join(recorder.EXIT_PATIENCE)
