"""Old and young rows, and the command as a process of its own."""

import os
import subprocess
import sys
from datetime import timedelta
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


def controls(number: int, age: timedelta = OLD) -> None:
    made = [ControlRecord.objects.create(action="revoke").pk for _ in range(number)]
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


#: Starts once, and then has a process for each line of arguments: says its number, and when it has ended how.
FORKING = """
import json, os, sys
import django
django.setup()
from django.core.management import ManagementUtility
import celery_ops.management.commands.celery_ops
for line in sys.stdin:
    child = os.fork()
    if not child:
        ManagementUtility(["manage.py", "celery_ops", *json.loads(line)]).execute()
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def forking() -> subprocess.Popen:
    """Start what runs the command in many processes, one after the other, without a start of Python for each."""
    return _python("-c", FORKING, stdin=subprocess.PIPE)


def command(*arguments: str, stderr: Any = subprocess.PIPE, **environment: str) -> subprocess.Popen:
    """Start ``manage.py celery_ops`` on this test's database."""
    return _python("-m", "django", "celery_ops", *arguments, environment=environment, stderr=stderr)


def _python(*arguments: str, environment: dict[str, str] | None = None, **pipes: Any) -> subprocess.Popen:
    ours = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        **(environment or {}),
    }
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, env={**os.environ, **ours}, stdout=subprocess.PIPE, text=True, **pipes)


def ended(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Return the exit code of the command, and what it printed to stdout and stderr."""
    process = command(*arguments, **environment)
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr
