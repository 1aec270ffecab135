"""A plugin: ``--processes 6`` collects once and forks, where with pytest-xdist each process imports and collects all.

Each process has the tests of one group (``xdist_group``, else one test) at a time; what it reports goes to the terminal
as if it had run here. Only Linux forks what has been at work.
"""

import contextlib
import ctypes
import itertools
import os
import signal
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, NoReturn

import pytest

from tests import servers

#: Processes that have what only computes, as long as there is such a test: the others' tests wait for much.
COMPUTING = 2
#: Seconds that a process has to tear down when the run is interrupted.
ENDS_WITHIN = 30.0
PR_SET_PDEATHSIG = 1


def pytest_addoption(parser):
    parser.addoption("--processes", type=int, default=0, metavar="N", help="collect once, and run in N processes")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    number, option = session.config.option.processes, session.config.option
    if number < 2 or option.collectonly or not session.items or session.testsfailed:
        return None
    Sharing(session).run(number)
    return True


def groups_of(items: list[pytest.Item]) -> Iterator[list[int]]:
    """Yield the numbers of the tests that one process has to run, large groups first."""
    groups: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        marker = item.get_closest_marker("xdist_group")
        groups.setdefault(f"group {marker.args[0]}" if marker else item.nodeid, []).append(number)
    yield from sorted(groups.values(), key=len, reverse=True)


@dataclass
class Child:
    """A process that runs tests: what it was given and has not ended, the one that runs first."""

    pid: int
    name: str
    waits: bool
    given: deque[int] = field(default_factory=deque)


class Sharing:
    """Gives the tests to the processes, and tells what these report."""

    def __init__(self, session: pytest.Session) -> None:
        self.session, self.config = session, session.config
        waiting, computing = [], []
        for group in groups_of(session.items):
            (waiting if session.items[group[0]].get_closest_marker("waits") else computing).append(group)
        self.groups = {True: deque(waiting), False: deque(computing)}
        self.children: dict[Connection, Child] = {}
        self.names = (f"gw{number}" for number in itertools.count())

    def run(self, number: int) -> None:
        if terminal := self.config.pluginmanager.getplugin("terminalreporter"):
            terminal.showfspath = False  # files come in no order
        try:
            for place in range(number):
                self.start(waits=place >= COMPUTING)
            while self.children:
                for connection in wait([*self.children]):
                    self.hear(connection)
                if self.session.shouldfail or self.session.shouldstop:
                    self.groups = {True: deque(), False: deque()}
        except BaseException:
            self.interrupt()
            raise
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)

    def start(self, *, waits: bool) -> None:
        name = next(self.names)
        folder = self.config._tmp_path_factory.getbasetemp() / name
        ours, theirs = Pipe()
        self.config.get_terminal_writer().flush()  # else the new process writes it, too
        pid = os.fork()
        if not pid:
            for connection in (ours, *self.children):
                connection.close()
            self.config._tmp_path_factory._basetemp = folder
            folder.mkdir()
            become(self.session, theirs, name)
        theirs.close()
        self.children[ours] = Child(pid, name, waits)

    def hear(self, connection: Connection) -> None:
        child = self.children[connection]
        name, told = "", {}
        with contextlib.suppress(EOFError, ConnectionError):
            name, told = connection.recv()
        if not name:
            self.bury(connection, child)
            return
        if name == "next":
            group = self.next_for(child)
            child.given.extend(group or ())
            connection.send(group)
            return
        hook = getattr(self.config.hook, name)
        if name == "pytest_warning_recorded":
            hook.call_historic(kwargs=told)
            return
        if name == "pytest_runtest_logreport":
            told["report"] = self.config.hook.pytest_report_from_serializable(config=self.config, data=told["report"])
        elif name == "pytest_runtest_logfinish":
            child.given.popleft()
        hook(**told)

    def next_for(self, child: Child) -> list[int] | None:
        groups = self.groups[child.waits] or self.groups[not child.waits]
        return groups.popleft() if groups else None

    def bury(self, connection: Connection, child: Child) -> None:
        """A process that ended in the middle of a test has failed it, and another one goes on."""
        _, status = os.waitpid(child.pid, 0)
        del self.children[connection]
        connection.close()
        if child.given:
            item = self.session.items[child.given.popleft()]
            code = os.waitstatus_to_exitcode(status)
            said = f"the process that ran this ended with {code}"
            report = pytest.TestReport(item.nodeid, item.location, {}, "failed", said, "call")
            self.config.hook.pytest_runtest_logreport(report=report)
            self.groups[child.waits].appendleft([*child.given])
            self.start(waits=child.waits)

    def interrupt(self) -> None:
        """Have the processes tear down what they use, and end."""
        until = time.monotonic() + ENDS_WITHIN
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGINT)
        for connection, child in self.children.items():
            connection.close()
            while not os.waitpid(child.pid, os.WNOHANG)[0]:
                if time.monotonic() > until:
                    os.kill(child.pid, signal.SIGKILL)
                time.sleep(0.05)


class Telling:
    """Tells the first process what the terminal and the exit code are made of."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self.config, self.connection = config, connection

    def tell(self, name: str, **told: Any) -> None:
        self.connection.send((name, told))

    def pytest_runtest_logstart(self, nodeid, location):
        self.tell("pytest_runtest_logstart", nodeid=nodeid, location=location)

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.tell("pytest_runtest_logreport", report=data)

    def pytest_runtest_logfinish(self, nodeid, location):
        self.tell("pytest_runtest_logfinish", nodeid=nodeid, location=location)

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        said = Warning(f"{warning_message.category.__name__}: {warning_message.message}")
        told = warnings.WarningMessage(said, Warning, warning_message.filename, warning_message.lineno)
        self.tell("pytest_warning_recorded", warning_message=told, when=when, nodeid=nodeid, location=location)

    def numbers(self) -> Iterator[int]:
        """Yield the number of each test to run."""
        while True:
            self.tell("next")
            group = self.connection.recv()
            if group is None:
                return
            yield from group


def become(session: pytest.Session, connection: Connection, name: str) -> NoReturn:
    """Run tests in this new process, which has nothing of the first one's but what was imported and collected."""
    config, code = session.config, 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)  # whoever kills the first process interrupts all
        config.workerinput = {"workerid": name, "testrunuid": servers.RUN}  # plugins know it from pytest-xdist
        config.pluginmanager.unregister(name="terminalreporter")
        capture = config.pluginmanager.getplugin("capturemanager")
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture()
        servers.move()
        telling = Telling(config, connection)
        config.pluginmanager.register(telling)
        try:
            run(session, telling.numbers())
        finally:
            config.hook.pytest_sessionfinish(session=session, exitstatus=0)
            config._ensure_unconfigure()
        code = 0
    except (KeyboardInterrupt, EOFError, ConnectionError):
        pass  # whoever has interrupted the run, or killed its first process, knows
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run(session: pytest.Session, numbers: Iterator[int]) -> None:
    """Run tests, each when it is known which one follows: what both use stays."""
    number = next(numbers, None)
    while number is not None and not session.shouldfail and not session.shouldstop:
        following = next(numbers, None)
        nextitem = None if following is None else session.items[following]
        item = session.items[number]
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        number = following
