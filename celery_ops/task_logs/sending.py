"""What is logged while a task runs goes to the store once a second, along with whatever else is written then."""

import time
from typing import Final

from ..tracking.recorder import recorder
from ..tracking.recording.per_process import PerProcess
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


#: Sends what this process's tasks log; made when the first line is kept.
sender: Final = PerProcess(Sender)
