"""Old and young rows, and the command as a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone
from django_celery_results.models import GroupResult, TaskResult

from celery_ops.models import ControlRecord, TaskRunRecord

OLD, YOUNG = timedelta(days=40), timedelta(days=3)


def runs(number: int, age: timedelta = OLD) -> None:
    TaskRunRecord.objects.bulk_create(TaskRunRecord(task_name="shop.a", task_id=str(n)) for n in range(number))
    TaskRunRecord.objects.order_by("-pk")[:number]
    newest = TaskRunRecord.objects.order_by("-pk").values_list("pk", flat=True)[:number]
    TaskRunRecord.objects.filter(pk__in=list(newest)).update(created_at=timezone.now() - age)


def controls(number: int, age: timedelta = OLD, action: str = "revoke") -> None:
    made = [ControlRecord.objects.create(action=action, target=str(n)).pk for n in range(number)]
    ControlRecord.objects.filter(pk__in=made).update(created_at=timezone.now() - age)


def results(number: int, age: timedelta = OLD, state: str = "SUCCESS") -> None:
    """Store results a second apart, the last of them this old."""
    begin, first = timezone.now() - age - timedelta(seconds=number), TaskResult.objects.count()
    rows = [TaskResult(task_id=f"{first + n}", status=state) for n in range(number)]
    moments = {row.task_id: begin + timedelta(seconds=n) for n, row in enumerate(rows)}
    field = TaskResult._meta.get_field("date_done")
    field.auto_now = False
    try:
        for row in rows:
            row.date_done = moments[row.task_id]
        TaskResult.objects.bulk_create(rows, batch_size=500)
    finally:
        field.auto_now = True


def groups(number: int, age: timedelta = OLD) -> None:
    made = [GroupResult.objects.create(group_id=f"{n}").pk for n in range(number)]
    GroupResult.objects.filter(pk__in=made).update(date_done=timezone.now() - age)


#: Starts once; has a process for each line of a command and its files, and answers a number with how that one ended.
FORKING = """
import json, os, sys
import django
django.setup()
from django.core.management import ManagementUtility
import celery_ops.management.commands.celery_ops
for line in sys.stdin:
    asked = json.loads(line)
    if isinstance(asked, int):
        print(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]), flush=True)
    elif child := os.fork():
        print(child, flush=True)
    else:
        for number, place in enumerate([os.devnull, *asked["places"]]):
            os.dup2(os.open(place, (os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY) | os.O_NOCTTY), number)
        ManagementUtility(["manage.py", "celery_ops", *asked["arguments"]]).execute()
        sys.exit()
"""


@dataclass(frozen=True)
class Child:
    """A command that runs; what it prints is in these files."""

    pid: int
    stdout: Path
    stderr: Path


class Shell:
    """Runs ``celery_ops`` on this test's database in many processes, without a start of Python for each."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()
        self._process = _python("-c", FORKING, stdin=subprocess.PIPE)

    def start(self, *arguments: str, stderr: str = "") -> Child:
        """Start the command; ``stderr`` is where it goes if not into a file."""
        number = next(self._numbers)
        places = [self._folder / f"{number}.out", Path(stderr or self._folder / f"{number}.err")]
        return Child(self._told({"arguments": arguments, "places": [str(place) for place in places]}), *places)

    def code(self, child: Child) -> int:
        """Return the exit code of a command once it has ended."""
        return self._told(child.pid)

    def ended(self, *arguments: str) -> tuple[int, str, str]:
        """Return the exit code of the command, and what it printed to stdout and stderr."""
        child = self.start(*arguments)
        return self.code(child), child.stdout.read_text(), child.stderr.read_text()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)

    def _told(self, asked: object) -> int:
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


def _python(*arguments: str, environment: dict[str, str] | None = None, **pipes: Any) -> subprocess.Popen:
    ours = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        **(environment or {}),
    }
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, env={**os.environ, **ours}, stdout=subprocess.PIPE, text=True, **pipes)


def ended(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """The same of a process that starts for it, with an environment of its own."""
    process = _python("-m", "django", "celery_ops", *arguments, environment=environment, stderr=subprocess.PIPE)
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr
