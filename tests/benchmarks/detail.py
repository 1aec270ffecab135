"""What a task's own page costs."""

import uuid
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_celery_results.models import TaskResult

from .figures import Figure, at_most, median
from .registry import LISTS, benchmark
from .timing import in_turn, sized

SIZE = 2_000_000
ROUNDS = sized(9, quick=1)
UNITS = ("x", "<b>", "password=hunter2 ", "[", "{'a': ['y', ")


@benchmark("detail", LISTS)
def large() -> Iterator[Figure]:
    """A task's own page when its arguments, result and traceback have two megabytes each."""
    browser = Client()
    browser.force_login(User.objects.create_superuser(f"detail-{uuid.uuid4().hex[:6]}"))
    slowest = max((_taken(browser, unit) for unit in UNITS), key=median)
    yield Figure.of("a task's page with five texts of 2 MB, the slowest kind", slowest, "ms", target=at_most(300))


def _taken(browser: Client, unit: str) -> list[float]:
    task_id, text = str(uuid.uuid4()), unit * (SIZE // len(unit))
    long = dict.fromkeys(("task_args", "task_kwargs", "result", "traceback", "meta"), text)
    TaskResult.objects.create(task_id=task_id, task_name="shop.tasks.charge", status="FAILURE", **long)
    address = reverse("celery_ops:task-detail", args=[task_id])
    assert browser.get(address).status_code == 200
    (taken,) = in_turn(lambda: browser.get(address), rounds=ROUNDS)
    return taken
