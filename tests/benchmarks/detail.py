"""A task's own page when its arguments, result and traceback have two megabytes each."""

import statistics
import time
import uuid
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_celery_results.models import TaskResult

from .setup import Figure

SIZE = 2_000_000
ROUNDS = 9
UNITS = ("x", "<b>", "password=hunter2 ", "[", "{'a': ['y', ")


def large() -> Iterator[Figure]:
    browser = Client()
    browser.force_login(User.objects.create_superuser(f"detail-{uuid.uuid4().hex[:6]}"))
    slowest = max(_milliseconds(browser, unit) for unit in UNITS)
    yield Figure("a task's page with five texts of 2 MB, the slowest kind", f"{slowest:.0f} ms", "<= 300 ms")


def _milliseconds(browser: Client, unit: str) -> float:
    task_id, text = str(uuid.uuid4()), unit * (SIZE // len(unit))
    long = dict.fromkeys(("task_args", "task_kwargs", "result", "traceback", "meta"), text)
    TaskResult.objects.create(task_id=task_id, task_name="shop.tasks.charge", status="FAILURE", **long)
    address, taken = reverse("celery_ops:task-detail", args=[task_id]), []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        assert browser.get(address).status_code == 200
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1000
