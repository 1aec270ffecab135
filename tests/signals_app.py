"""The app of a worker that notes what Celery's own signals say of each task: ``celery -A tests.signals_app worker``.

Each process appends to a file in ``TEST_SIGNALS``: a line as a task starts, with how long it waited, one as it ends,
with how long it ran and what became of it. They are written at once, so that a process that is killed has said what it
knew.
"""

import os
import time

from celery import signals
from celery.exceptions import Reject

from tests.quick_app import app
from tests.shop import tasks

__all__ = ["app"]

_begun: dict[str, float] = {}
_files: dict[int, int] = {}


def note(*words: object) -> None:
    pid = os.getpid()
    if pid not in _files:
        path = os.path.join(os.environ["TEST_SIGNALS"], str(pid))
        _files[pid] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(_files[pid], (" ".join(map(str, (time.time(), *words))) + "\n").encode())


def starts(sender, task_id, args, **_):
    if sender.name == tasks.measured.name:
        note("started", time.time() - args[2])
        _begun[task_id] = time.perf_counter()


def ends(fate, state=None):
    """Return a receiver that notes an end; with a ``state`` only one in that."""

    def end(sender, **told):
        is_another = isinstance(told.get("exception"), Reject)  # Celery's main process calls that a failure, too
        if sender.name != tasks.measured.name or told.get("state") != state or is_another:
            return
        begun = _begun.pop(told.get("task_id") or sender.request.id, None)
        note(fate, "-" if begun is None else time.perf_counter() - begun)

    return end


signals.task_prerun.connect(starts, weak=False)
signals.task_success.connect(ends("succeeded"), weak=False)
signals.task_failure.connect(ends("failed"), weak=False)
signals.task_retry.connect(ends("retried"), weak=False)
signals.task_postrun.connect(ends("rejected", "REJECTED"), weak=False)
