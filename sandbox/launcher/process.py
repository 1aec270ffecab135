"""One process of the sandbox, in a group of its own."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .console import ROOT

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """On Linux, have the kernel end this process should the launcher be killed outright."""
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A command that writes to a log. ``grace`` is how long it may take to stop by itself.

    ``may_end`` is for what people may end from the site's own pages.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str],
        *,
        grace: float = 4.0,
        may_end: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self.grace = grace
        self.may_end = may_end
        with log.open("wb") as output:
            # Its own session: Ctrl-C reaches the launcher alone, which then stops everything in order.
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - there are no threads here
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative is the number of the signal that ended it."""
        return self._popen.poll()

    def stop(self, is_urgent: Callable[[], bool]) -> None:
        """Ask it to end, wait as long as its grace lasts, then kill what is left of its group."""
        if self.exit_code is None:
            self._popen.terminate()
        deadline = time.monotonic() + self.grace
        while self.exit_code is None and time.monotonic() < deadline and not is_urgent():
            time.sleep(0.05)
        with suppress(ProcessLookupError, PermissionError):  # an empty group, on Linux and on macOS
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
