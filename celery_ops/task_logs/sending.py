"""What is logged while a task runs goes to the store once a second, along with whatever else is written then."""

import atexit
import os
import sys
import threading
import time
from typing import Final

from ..tracking.recorder import recorder
from ..tracking.recording.writer import Writer
from .attempt import AttemptLog, Waiting

#: Seconds after a line until it is sent, and at least between two of these in a process: most tasks are over by then.
SOON: Final = 0.3
SEND_EVERY: Final = 1.0
#: Seconds that are waited for the thread at the end.
EXIT_PATIENCE: Final = 1.0
#: Logs that wait; those of others come with their tasks' ends.
MOST_WAITING: Final = 2000


class Sender:
    """Sees to it that a process's logs are sent. It is told of each that has something new."""

    def __init__(self) -> None:
        self._waiting: Waiting = {}
        self._writer = Writer(self._waiting, self.send, SOON, SEND_EVERY)
        self._sent = time.monotonic()

    def wake(self, log: AttemptLog) -> None:
        if len(self._waiting) < MOST_WAITING:
            log.waits_in(self._waiting)
        if not self._writer.wake() and time.monotonic() - self._sent > SEND_EVERY:  # no thread of ours may run here
            self.send()

    def send(self) -> int:
        """Hand over what the end of a task has not taken along by now. Return whether it did, as a burst's number."""
        self._sent = time.monotonic()
        waiting = self._waiting.copy()
        for log in waiting.values():
            recorder().record(log.batch, log.whose)
        return 2 if waiting else 0

    def end(self) -> None:
        self._writer.stop(EXIT_PATIENCE)
        self.send()

    def hold(self) -> None:
        self._writer.hold(EXIT_PATIENCE)

    def go_on(self) -> None:
        self._writer.go_on()


_sender: Sender | None = None
_process = os.getpid()
_lock = threading.Lock()


def sender() -> Sender:
    """Return this process's, made when the first line is kept."""
    global _sender
    if _sender is not None and _process == os.getpid():
        return _sender
    if _process != os.getpid():
        forget()
    with _lock:
        if _sender is None:
            _sender = Sender()
            _end_with_the_process()
        return _sender


def send_at_exit() -> None:
    """Hand over what waits before the process ends, and before the recorder writes its last."""
    if _sender is not None and _process == os.getpid():
        _sender.end()


def _end_with_the_process() -> None:
    for name in ("multiprocessing.util", "billiard.util"):
        if (module := sys.modules.get(name)) is not None:
            module.Finalize(None, send_at_exit, exitpriority=1)


def before_fork() -> None:
    if _sender is not None and _process == os.getpid():
        _sender.hold()


def after_fork() -> None:
    if _sender is not None and _process == os.getpid():
        _sender.go_on()


def forget() -> None:
    """Start anew, as a forked child must: what its parent's tasks logged is the parent's to send."""
    global _sender, _process, _lock
    _sender, _process, _lock = None, os.getpid(), threading.Lock()


atexit.register(send_at_exit)
os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=forget)
