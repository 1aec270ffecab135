"""Lines from a worker's main process to the processes of its pool, by which it asks where a task is.

Each is a pair of sockets that is made when a process is forked, so there is no address that anybody else could call,
nothing that is left behind, and no signal: a signal could interrupt what the task waits for, or kill a process that
is not ready for it. A thread of the process answers. It waits for questions in one system call, with all signals
blocked, and takes nothing while nobody asks. While C code keeps Python's lock it cannot answer.
"""

import json
import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from ..logs import get_logger
from .frames import encoded, stack_of

logger = get_logger("celery_ops.stacks")

#: Bytes of a question, and of an answer, at most.
LONGEST_QUESTION: Final = 4096
LONGEST_ANSWER: Final = 262_144
#: Seconds that a fork in a process of the pool waits for the thread to end.
FAREWELL: Final = 1.0


class NobodyListens(Exception):
    """There is no line to a process: it was not forked, or too many files were open."""


class Exchange:
    """The main process's ends of the lines. Of a fork that makes no process of the pool nobody ever speaks."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._ends: list[socket.socket] = []
        self._by_pid: dict[int, socket.socket] = {}
        self._fork = threading.local()  # what the fork under way in this thread has made
        self._tickets = 0

    def before_fork(self) -> None:
        if os.getpid() != self.owner:
            return
        self._fork.pair = None
        with suppress(OSError):  # too many files are open: this process cannot be asked
            self._listen_to_all()
            self._fork.pair = socket.socketpair()

    def after_in_parent(self) -> None:
        pair = getattr(self._fork, "pair", None)
        if pair is None or os.getpid() != self.owner:
            return
        mine, theirs = pair
        self._fork.pair = None
        theirs.close()
        mine.setblocking(False)
        self._ends.append(mine)

    def after_in_child(self) -> socket.socket | None:
        """Close what is the parent's, and return this process's own end."""
        pair = getattr(self._fork, "pair", None)
        self._fork.pair = None
        for end in self._ends:
            end.close()
        self._ends, self._by_pid = [], {}
        if pair is None:
            return None
        mine, theirs = pair
        mine.close()
        theirs.setblocking(True)  # whatever the site's default
        return theirs

    def ask(self, pid: int, task_id: str, seconds: float) -> Any:
        """Return what a process says of a task within so many seconds, None when it says nothing.

        Raises NobodyListens.
        """
        self._listen_to_all()
        end = self._by_pid.get(pid)
        if end is None:
            raise NobodyListens
        self._tickets += 1
        question = json.dumps({"ticket": self._tickets, "task_id": task_id}).encode() + b"\n"
        if len(question) > LONGEST_QUESTION:
            return None
        try:
            end.sendall(question)
            return self._answer(end, time.monotonic() + seconds)
        except OSError:
            return None

    def _answer(self, end: socket.socket, deadline: float) -> Any:
        """Read until the answer to the last question: one to an earlier question may have come too late for that."""
        for line in _lines_until(end, deadline):
            answer = _read(line)
            if answer.get("ticket") == self._tickets:
                return answer
        return None

    def _listen_to_all(self) -> None:
        """Learn who is at the other ends, and let go of those who have gone."""
        for end in list(self._ends):
            try:
                while heard := end.recv(LONGEST_ANSWER):
                    pid = _read(heard.partition(b"\n")[0]).get("pid")  # else what came too late for its question
                    if isinstance(pid, int):
                        self._by_pid[pid] = end
                self._let_go(end)
            except BlockingIOError:
                continue
            except OSError:
                self._let_go(end)

    def _let_go(self, end: socket.socket) -> None:
        self._ends.remove(end)
        self._by_pid = {pid: other for pid, other in self._by_pid.items() if other is not end}
        end.close()


class Listener:
    """A pool process's end: a thread that answers."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._wakes, self._woken = socket.socketpair()
        self._thread: threading.Thread | None = None

    def introduce(self) -> None:
        """Say who is here."""
        self._end.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")

    def start(self) -> None:
        """Answer from now on."""
        end, woken = self._end, self._woken
        self._thread = threading.Thread(target=_listen, args=(end, woken), name="celery_ops stacks", daemon=True)
        self._thread.start()

    def hold(self) -> None:
        """End the thread before this process forks: a child of one with threads is a risk."""
        if self._thread is not None:
            self._wakes.send(b"!")
            self._thread.join(FAREWELL)

    def close(self) -> None:
        for end in (self._end, self._wakes, self._woken):
            end.close()


def _listen(end: socket.socket, woken: socket.socket) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the thread that runs the task
    with suppress(OSError), selectors.PollSelector() as selector:
        selector.register(end, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        unread = b""
        while True:
            ready = {key.fileobj for key, _events in selector.select()}
            if woken in ready:
                woken.recv(16)
                return
            heard = end.recv(LONGEST_QUESTION)
            if not heard:
                return
            *questions, unread = (unread + heard).split(b"\n")
            unread = unread[-LONGEST_QUESTION:]
            for question in questions:
                end.sendall(_answered(question))


def _answered(question: bytes) -> bytes:
    request = _read(question)
    try:
        stack = encoded(stack_of(str(request.get("task_id"))))
    except Exception:
        logger.warning("Where a task is cannot be said", exc_info=True)
        stack = None
    return json.dumps({"ticket": request.get("ticket"), "stack": stack}).encode() + b"\n"


def _lines_until(end: socket.socket, deadline: float) -> Iterator[bytes]:
    unread = b""
    with selectors.PollSelector() as selector:
        selector.register(end, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and selector.select(left):
            heard = end.recv(65_536)
            if not heard:
                return
            *lines, unread = (unread + heard).split(b"\n")
            yield from lines
            if len(unread) > LONGEST_ANSWER:
                return


def _read(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
