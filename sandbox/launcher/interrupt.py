"""Being asked to stop."""

import signal
import time


class Interrupted(Exception):
    """Somebody asked the sandbox to stop."""


class Interrupt:
    """Counts the requests. A handler that raised could leave a process started and forgotten."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.requests = 0

    def listen(self) -> None:
        for each in self.SIGNALS:
            signal.signal(each, self._count)

    def _count(self, number, frame) -> None:
        self.requests += 1

    @property
    def is_urgent(self) -> bool:
        """Asked twice: no more waiting."""
        return self.requests > 1

    def pause(self, seconds: float = 0.1) -> None:
        """Sleep a little. Raises Interrupted when asked to stop."""
        if self.requests:
            raise Interrupted
        time.sleep(seconds)
