"""What it costs to run a task from a page."""

from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from celery_ops.models import TaskRunRecord
from tests.shop import typed

from .beside import RUNNER, browser, is_installed, page, side_by_side
from .figures import Figure, at_most
from .registry import ACTIONS, benchmark
from .setup import client as redis
from .setup import default_store
from .timing import sized

ROUNDS = sized(40, quick=2)
TASK = f"{typed.PREFIX}whole"


@benchmark("forms", ACTIONS)
def running() -> Iterator[Figure]:
    """The form of a task with one whole number, and running it: whole requests, beside vcelery-task-runner's."""
    default_store()
    settings.CELERY_OPS = {**settings.CELERY_OPS, "RUNNABLE_TASKS": [TASK]}
    client, address = browser(), reverse("celery_ops:run-task", args=[TASK])
    form, run = page(client, address, TASK), lambda: _sent(client, address, {"arg-value": "7"})
    their_form, their_run = {}, {}
    if is_installed(RUNNER):
        theirs = reverse("vcelery-task-run")
        their_form[RUNNER] = page(client, f"{theirs}?task={TASK}", TASK)
        their_run[RUNNER] = lambda: _sent(client, theirs, {"task": TASK, "value": "7"})
    yield from side_by_side("the page with the form", form, their_form, rounds=ROUNDS)
    before = redis(0).llen("celery")
    yield from side_by_side(
        f"{connection.vendor}: its POST, with a row in the journal",
        run,
        their_run,
        rounds=ROUNDS,
        targets={RUNNER: at_most(1.5)},
    )
    sent = redis(0).llen("celery") - before
    assert sent == (ROUNDS + 1) * (1 + len(their_run)), sent
    TaskRunRecord.objects.all().delete()


def _sent(client: Client, address: str, values: dict[str, str]) -> HttpResponse:
    response = client.post(address, values)
    assert response.status_code == 302, response.content[:2000]
    return response
