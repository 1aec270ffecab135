"""What it costs to tell three workers something: the whole request, its journal row included."""

import statistics
import time
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from celery_ops.backends.remote import snapshot
from celery_ops.backends.remote.known import known_workers
from celery_ops.models import ControlRecord
from tests.backends.starting import end, start
from tests.celery import app

from .setup import Figure, default_store

ROUNDS = 50
NAMES = ("w1@bench", "w2@bench", "w3@bench")


def actions() -> Iterator[Figure]:
    default_store()
    user = User.objects.create_superuser("bench-control", "bench@example.com", "secret")
    client = Client(headers={"accept": "application/json"})
    client.force_login(user)
    workers = start(*NAMES, url=app.conf.broker_url)
    try:
        known_workers().forget()
        snapshot.forget()
        _tell(client, "ping")  # this process knows them now
        given = {"task_name": "shop.nap", "rate_limit": "10/m"}
        took = sorted(_timed(lambda: _tell(client, "rate_limit", **given)) for _ in range(ROUNDS))
        figures = f"{took[ROUNDS // 10]:.0f} / {statistics.median(took):.0f} / {took[-ROUNDS // 10]:.0f}"
        yield Figure("an action on three workers, ms: 10 % / median / 90 %", figures, "<= 100")
        yield Figure(
            "a shutdown of three, ms", f"{_timed(lambda: _tell(client, 'shutdown', confirm='shutdown')):.0f}", "<= 100"
        )
    finally:
        for worker in workers:
            end(worker)
        ControlRecord.objects.filter(user=user).delete()
        user.delete()


def _tell(client: Client, action: str, **given: str) -> None:
    response = client.post(reverse("celery_ops:worker-control"), {"action": action, "destination": NAMES, **given})
    answer = response.json()
    assert len(answer["answered"]) == (0 if action == "shutdown" else 3), answer


def _timed(call) -> float:
    begin = time.perf_counter()
    call()
    return (time.perf_counter() - begin) * 1000
