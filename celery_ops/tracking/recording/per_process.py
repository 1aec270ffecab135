"""One thing of its kind in each process: made when it is first needed, ended with the process, made anew in a child."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Pausable(Protocol):
    def hold(self) -> None:
        """Let no thread run before ``go_on``: the process is about to fork."""

    def go_on(self) -> None: ...

    def end(self) -> None:
        """Hand over what waits: the process ends."""


T = TypeVar("T", bound=Pausable)


class PerProcess(Generic[T]):
    """Called, it returns this process's. What waits in a process that forks stays with the parent."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self.current: T | None = None
        self.forget()
        atexit.register(self.end)
        os.register_at_fork(before=self.hold, after_in_parent=self.go_on, after_in_child=self.forget)

    def __call__(self) -> T:
        if self.current is not None and self._process == os.getpid():
            return self.current
        if self._process != os.getpid():  # not every server tells Python that it forks
            self.forget()
        with self._lock:
            if self.current is None:
                self.current = self._make()
                end_with_the_process(self.end, priority=1)  # before the recorder's end
            return self.current

    def end(self) -> None:
        if self.current is not None and self._process == os.getpid():
            self.current.end()

    def hold(self) -> None:
        if self.current is not None and self._process == os.getpid():
            self.current.hold()

    def go_on(self) -> None:
        if self.current is not None and self._process == os.getpid():
            self.current.go_on()

    def forget(self) -> None:
        """Start anew, as a forked child must."""
        self.current, self._process, self._lock = None, os.getpid(), threading.Lock()


def end_with_the_process(end: Callable[[], None], priority: int) -> None:
    """Have ``end`` called in a child of multiprocessing or billiard, too: that ends without Python's own exit."""
    for name in ("multiprocessing.util", "billiard.util"):
        if (module := sys.modules.get(name)) is not None:
            module.Finalize(None, end, exitpriority=priority)
