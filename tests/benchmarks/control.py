"""What it costs to tell workers something."""

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from celery_ops.backends.remote import snapshot
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.models import ControlRecord
from tests.backends.starting import end, start
from tests.celery import app

from .figures import Figure, at_most
from .registry import ACTIONS, benchmark
from .setup import default_store
from .timing import in_turn, milliseconds, sized

ROUNDS = sized(50, quick=2)
NAMES = ("w1@bench", "w2@bench", "w3@bench")


@benchmark("control", ACTIONS)
def actions() -> Iterator[Figure]:
    """Three workers told something: the whole request, its journal row included."""
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
        (took,) = in_turn(lambda: _tell(client, "rate_limit", **given), rounds=ROUNDS)
        yield Figure.of("an action on three workers", took, "ms", target=at_most(100))
        shutdown = milliseconds(lambda: _tell(client, "shutdown", confirm="shutdown"))
        yield Figure.of("a shutdown of three", shutdown, "ms", target=at_most(100))
    finally:
        for worker in workers:
            end(worker)
        ControlRecord.objects.filter(user=user).delete()
        user.delete()


def _tell(client: Client, action: str, **given: str) -> None:
    response = client.post(reverse("celery_ops:worker-control"), {"action": action, "destination": NAMES, **given})
    answer = response.json()
    assert len(answer["answered"]) == (0 if action == "shutdown" else 3), answer
