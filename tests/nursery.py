"""``celery`` processes without the seconds of CPU that each spends on imports: one process has imported what they all
have in common, and forks them. What the site and its settings bring they import themselves.
"""

import atexit
import contextlib
import gc
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

#: What needs no settings of Django's.
IMPORTED = (
    "billiard.popen_fork",
    "billiard.sharedctypes",
    "celery.__main__",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.backends.redis",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.events.event",
    "celery.fixups.django",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.strategy",
    "celery.worker.worker",
    "celery_ops.alerts.watching",
    "celery_ops.control.worker_limits",
    "celery_ops.failures.executing",
    "celery_ops.failures.normalising",
    "celery_ops.metrics.executing",
    "celery_ops.metrics.publishing",
    "celery_ops.metrics.releases",
    "celery_ops.metrics.tally",
    "celery_ops.redaction.capturing",
    "celery_ops.schedules.beat",
    "celery_ops.stacks.worker",
    "celery_ops.task_logs.executing",
    "celery_ops.tracking.workflows.canvas_taking",
    "celery_ops.tracking.facts",
    "celery_ops.tracking.recorder",
    "celery_ops.tracking.redelivery_record",
    "celery_ops.tracking.redis",
    "celery_ops.tracking.signatures",
    "celery_ops.tracking.workers",
    "crispy_forms.layout",
    "cron_descriptor",
    "crontab",
    "django.contrib.auth.password_validation",
    "django.contrib.messages.constants",
    "django.contrib.staticfiles",
    "django.core.management",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.autodetector",
    "django.db.models",
    "django.db.models.sql.compiler",
    "django.forms",
    "django.http",
    "django.template.defaulttags",
    "django.urls",
    "django.views.generic.base",
    "encodings.idna",
    "kombu.transport.pyamqp",
    "kombu.transport.redis",
    "pydantic.fields",
    "pydantic.json_schema",
    "pydantic.main",
    "pydantic.types",
    "redis.cluster",
    "unittest.mock",
)

#: Every zone there is: each is read once for as long as somebody has it, and models of django-celery-beat ask for all.
zones: list[ZoneInfo] = []

#: Pools that patch Python before anything is imported.
GREEN = {"eventlet", "gevent"}


class Nursery:
    """Starts and buries them."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
            command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])
        self._channel = ours
        self._answers = ours.makefile()
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def ask(self, **question: Any) -> Any:
        with self._lock:
            number = next(self._numbers)
            self._channel.sendall(json.dumps([number, question]).encode() + b"\n")
            while True:  # Ctrl-C may have left the answer to another one
                answered, answer = json.loads(self._answers.readline())
                if answered == number:
                    return answer

    def end(self) -> None:
        self._answers.close()
        self._channel.close()
        self._process.wait(10)


class Nursling:
    """A process of the nursery's, with what tests use of ``subprocess.Popen``."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self._lock = threading.Lock()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with self._lock:  # its end is told once
            if self.returncode is None:
                self.returncode = self._nursery.ask(poll=self.pid)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("celery", timeout or 0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


_nursery: Nursery | None = None
_lock = threading.Lock()


def celery(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, *, own_group: bool = False
) -> "subprocess.Popen[bytes] | Nursling":
    """Start ``celery`` with these arguments; it writes to ``log``, and may lead a group of processes of its own."""
    global _nursery
    # Coverage begins with a process, and only Linux forks what has been at work.
    if sys.platform != "linux" or "coverage" in sys.modules or GREEN.intersection(arguments):
        command = [sys.executable, "-m", "celery", *arguments]
        with log.open("w") as file:
            return subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=own_group)
    with _lock:  # tests start several at once
        if _nursery is None:
            _nursery = Nursery()
            atexit.register(_nursery.end)
    log.write_bytes(b"")  # which is read before the process gets to run
    pid = _nursery.ask(start=list(arguments), environment=dict(environment), log=str(log), own_group=own_group)
    return Nursling(_nursery, pid)


def main() -> None:
    """Be the nursery, until who has started it ends; and return in each process that is started."""
    for name in IMPORTED:
        with contextlib.suppress(ImportError):  # what no test of this Python needs
            import_module(name)
    zones.extend(map(ZoneInfo, available_timezones()))
    # A worker looks for garbage before it forks each process of its pool, and would go through all of this each time.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which end what they have started
    channel = socket.socket(fileno=int(sys.argv[1]))
    questions = channel.makefile()
    leaders: dict[int, bool] = {}  # of those that have not ended, whether each leads a group
    for line in questions:
        number, question = json.loads(line)
        if "poll" in question:
            pid, status = os.waitpid(question["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
            leaders.pop(pid, None)
        elif not (answer := os.fork()):
            questions.close()
            channel.close()
            _become(**question)
            return
        else:
            leaders[answer] = question["own_group"]
        with contextlib.suppress(BrokenPipeError):  # who asked has been killed
            channel.sendall(json.dumps([number, answer]).encode() + b"\n")
    for pid, leads in leaders.items():
        _kill(pid, whole_group=leads)
    os._exit(0)


def _kill(pid: int, *, whole_group: bool) -> None:
    """End what tests have left, as those do that are killed themselves."""
    with contextlib.suppress(ProcessLookupError):
        if whole_group:
            os.killpg(pid, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)


def _become(start: list[str], environment: dict[str, str], log: str, own_group: bool) -> None:
    if own_group:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [sys.modules["celery.__main__"].__file__ or "celery", *start]


if __name__ == "__main__":
    main()
    sys.exit(sys.modules["celery.__main__"].main())
