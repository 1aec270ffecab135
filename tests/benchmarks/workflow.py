"""What the page of a workflow costs: five hundred tasks of several shapes, and ten thousand."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from celery.utils import uuid
from django.test import Client
from django.urls import reverse

from celery_ops.tracking.facts import short_id
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.stamp import encode
from celery_ops.tracking.workflows import members
from celery_ops.tracking.workflows.steps import Embedded
from tests.planting_workflows import plant_member
from tests.servers import PORT

from .beside import browser, page
from .figures import Figure, at_most
from .registry import INSIGHT, benchmark
from .setup import use_store
from .timing import in_turn, sized

ROUNDS = sized(10, quick=1)
USUAL = sized(500, quick=20)
MOST = sized(10_000, quick=30)
ASKED = ("read", "read_fields", "look_up")


@benchmark("workflow", INSIGHT)
def workflow() -> Iterator[Figure]:
    """The page of a workflow of 500 tasks, and what a publish writes of a chain of 1,000 steps.

    A group, a chord of different ones, and a chain with most of it to come; then 10,000 tasks.
    """
    use_store(f"redis://127.0.0.1:{PORT}/1", STORE_TIMEOUT=5)
    client = browser()
    for what, key in (("a group", group(USUAL)), ("different tasks", different(USUAL)), ("a chain", chain(USUAL))):
        yield from taken(client, f"{USUAL:,} tasks, {what}", key, target=at_most(80))
    yield Figure.of("round trips to the store", trips(group(USUAL)), target=at_most(3))
    opened = group(USUAL)
    yield from taken(client, f"{MOST:,} tasks, a group", group(MOST))
    ask = page(client, reverse("celery_ops:api-workflow", args=[opened]))
    (json,) = in_turn(ask, rounds=ROUNDS, clock=time.process_time)
    yield Figure.of(f"{USUAL:,} tasks as JSON, CPU", json, "ms", target=at_most(80))
    steps = Embedded(None, {"chain": [{"task": "shop.step", "options": {"task_id": uuid()}} for _step in range(1000)]})
    (walked,) = in_turn(steps.text, rounds=ROUNDS, clock=time.process_time)
    yield Figure.of("1,000 steps of a message, read in a thread", walked, "ms")


def taken(client: Client, what: str, key: str, **target: object) -> Iterator[Figure]:
    ask = page(client, reverse("celery_ops:workflow", args=[key]), "celery-ops-node")
    (wall,) = in_turn(ask, rounds=ROUNDS)
    (ours,) = in_turn(ask, rounds=ROUNDS, clock=time.process_time)
    yield Figure.of(what, wall, "ms")
    yield Figure.of("… CPU of the site", ours, "ms", **target)


def group(count: int) -> str:
    key = uuid()
    _keep(key, [plant_member(key, task_id=key), *(plant_member(key, parent=key) for _task in range(count - 1))])
    return key


def different(count: int) -> str:
    """A task that publishes many, no two of one name."""
    key = uuid()
    names = (f"shop.tasks.step_{number}" for number in range(count - 1))
    _keep(key, [plant_member(key, task_id=key), *(plant_member(key, name, parent=key) for name in names)])
    return key


def chain(count: int) -> str:
    key = uuid()
    steps = [[short_id(uuid()), 0] for _step in range(count - 1)]
    joins = [[[place - 1], [place]] for place in range(count - 1)]
    _keep(key, [plant_member(key, task_id=key, steps=encode({"n": ["shop.step"], "s": steps, "j": joins}))])
    return key


def _keep(key: str, told: list) -> None:
    fields: dict[str, str] = {}
    for _place, some in told:
        fields.update(some)
    recorder().store.write([(told[0][0], fields)])


def trips(key: str) -> int:
    """Return how often the store is asked for a workflow."""
    store = type(recorder().store)
    with mock.patch.multiple(store, **{name: _counted(getattr(store, name)) for name in ASKED}):
        members.membership(key)
        return sum(getattr(store, name).call_count for name in ASKED)


def _counted(method: Callable[..., Any]) -> mock.Mock:
    return mock.create_autospec(method, side_effect=method)
