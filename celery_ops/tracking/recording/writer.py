"""The thread that writes for a process, so that nobody who publishes or runs a task waits for the store."""

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sized
from contextlib import suppress
from typing import Any, Final

#: Seconds after which who has an event to write no longer counts on the thread: some servers let none of ours run.
LATE: Final = 1.0
#: What its threads are called.
NAME: Final = "celery_ops writer"
#: Seconds after which who has one lets the thread run, once a write, and the seconds that takes.
OVERDUE: Final = 0.0015
LET_RUN: Final = 0.0005
#: Seconds of being late that are allowed for, and writes that say how late the thread is lately, and how long it takes.
MOST_LATE: Final = 0.005
LATELY: Final = 8
#: Seconds of a write that are allowed for.
MOST_TAKEN: Final = 0.004
#: Seconds that a fork takes at most.
HELD: Final = 10.0
NEVER: Final = float("inf")


class Writer:
    """Calls ``write`` soon after it was woken, in a thread that is started when it is first needed.

    ``waiting`` is what there is to write. Waking takes no lock that a signal's handler could meet held.
    """

    def __init__(
        self,
        waiting: Sized,
        write: Callable[[], int],
        pause: float = 0.004,
        pause_in_a_burst: float = 0.0155,
    ) -> None:
        """``write`` returns how many events it found.

        ``pause`` is the seconds between an event and its write, in which others join it; ``pause_in_a_burst`` those
        from one write's beginning to the end of the next while many happen, by how long a write takes lately. However
        long one takes, and however late the thread gets to run, the next begins no later after what happened meanwhile.
        """
        self._waiting = waiting
        self._write = write
        self._pause = pause
        self._pause_in_a_burst = pause_in_a_burst
        self._takes = 0.0  # seconds that a write takes, lately
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()  # a signal's handler may come here again
        self._called = threading.Lock()  # released by who wakes
        self._called.acquire()
        self._is_asleep = False
        self._is_to_end = False
        self._held_until = 0.0  # time.monotonic()
        self._overdue = NEVER  # time.monotonic() after which it seems not to get to run
        self._late = 0.0  # seconds by which it gets to run later than it asked to, lately
        self._due = 0.0  # time.monotonic() by which it will have begun to write

    def wake(self) -> bool:
        """Have what is waiting written. Return whether that can be counted on; else write it yourself."""
        if self._is_asleep:
            self._is_asleep = False
            self._due = time.monotonic() + LATE
            self._call()
            return True
        now = time.monotonic()
        if now < self._due:
            if now > self._overdue:
                self._overdue = NEVER
                time.sleep(LET_RUN)
            return True
        if self._thread is None or not self._thread.is_alive():
            return self._start()
        self._call()  # an exception of a signal's handler may have struck who was about to
        return False

    def stop(self, seconds: float) -> None:
        """End the thread; it is started again when it is needed. Waits so long at most for the write under way."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        self._is_to_end = True
        self._call()
        with suppress(RuntimeError):  # an exception of a signal's handler struck who was about to start it
            thread.join(seconds)
        self._thread, self._due = None, 0.0

    def hold(self, seconds: float) -> None:
        """End the thread as ``stop`` does, and start none before ``go_on``, whoever wakes it: the process forks.

        Events wait meanwhile. Where nobody comes to say that it goes on, that ends after ``HELD`` seconds.
        """
        if self._starting.acquire(timeout=seconds):  # who is about to start it has done so
            self._held_until = time.monotonic() + HELD
            self._starting.release()
        self.stop(seconds)

    def go_on(self) -> None:
        """Write what has happened since ``hold``."""
        self._held_until = 0.0
        if self._waiting:
            self.wake()

    def _call(self) -> None:
        with suppress(RuntimeError):  # another one woke it at the same moment
            self._called.release()

    def _start(self) -> bool:
        if not threads_run():
            return False
        with self._starting:
            if time.monotonic() < self._held_until:
                return True
            if time.monotonic() < self._due:  # another one has just started it, or who was interrupted here does
                return True
            self._due = time.monotonic() + LATE
            self._is_asleep = self._is_to_end = False
            self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is ending
                self._thread, self._due = None, 0.0
                return False
        return True

    def _run(self) -> None:
        written, since, this = 0, time.monotonic(), threading.current_thread()
        while self._thread is this and not self._is_to_end:
            if not self._waiting:
                self._is_asleep = True
                if not self._waiting:
                    self._called.acquire()
                self._is_asleep = False
                since = time.monotonic()
            if self._is_to_end:
                break
            if written > 1:
                self._pause_for_a_burst(since)
            else:
                self._pause_until(since + self._pause)
            since = time.monotonic()
            written = self._write()
            self._took(time.monotonic() - since)

    def _pause_for_a_burst(self, since: float) -> None:
        """Let more happen, and ask to run as much earlier as that was too late before."""
        begin = max(time.monotonic(), since + self._pause_in_a_burst - self._takes - self._late)
        if not self._pause_until(begin):
            self._was_late(time.monotonic() - begin)

    def _took(self, seconds: float) -> None:
        self._takes += (min(seconds, MOST_TAKEN) - self._takes) / LATELY

    def _was_late(self, seconds: float) -> None:
        self._late += (min(seconds, MOST_LATE) - self._late) / LATELY

    def _pause_until(self, begin: float) -> bool:
        """Let more happen until ``time.monotonic()`` is that, or somebody calls. Return whether somebody did."""
        now = time.monotonic()
        begin = max(now, begin)
        self._due, self._overdue = begin + LATE, begin + OVERDUE
        called = self._called.acquire(timeout=begin - now)
        self._overdue = NEVER
        return called


def threads_run() -> bool:
    """Return whether this process lets threads of ours run: uWSGI without ``enable-threads`` lets none."""
    options: Mapping[Any, Any] = getattr(sys.modules.get("uwsgi"), "opt", None) or {}
    wanted = {_text(name): _text(value) for name, value in options.items()}
    if not wanted:
        return True
    return "threads" in wanted or wanted.get("enable-threads", "false").lower() in ("true", "1", "yes", "on")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
