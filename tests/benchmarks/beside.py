"""The same thing asked of us and of each peer, in turn."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from .figures import Figure, Target
from .timing import in_turn, milliseconds

PANEL = "dj-celery-panel"
RUNNER = "vcelery-task-runner"
FLOWER = "flower"
ADMIN = "Django admin"
APPS = {PANEL: "dj_celery_panel", RUNNER: "vcelerytaskrunner", ADMIN: "django.contrib.admin"}
Call = Callable[[], Any]


def is_installed(peer: str) -> bool:
    """Return whether a peer that is a Django app is part of this run's site."""
    return apps.is_installed(APPS[peer])


def side_by_side(
    what: str, ours: Call, theirs: Mapping[str, Call], *, rounds: int, targets: Mapping[str, Target] | None = None
) -> Iterator[Figure]:
    """Yield two figures for each peer, in milliseconds: the time, and this process's CPU, which a busy machine spares.

    Without any peer, ours alone. ``targets`` are of our time over a peer's.
    """
    cpu: list[list[float]] = [[] for _ in range(1 + len(theirs))]
    calls = [_counting(call, spent) for call, spent in zip((ours, *theirs.values()), cpu, strict=True)]
    times = in_turn(*calls, rounds=rounds)
    cpu = [spent[-rounds:] for spent in cpu]
    for number, peer in enumerate(theirs, 1):
        target = (targets or {}).get(peer)
        yield Figure.of(what, times[0], "ms", peer=peer, theirs=times[number], ratio_target=target)
        if peer != FLOWER:  # a process of its own
            yield Figure.of("… CPU", cpu[0], "ms", peer=peer, theirs=cpu[number])
    if not theirs:
        yield Figure.of(what, times[0], "ms")


def _counting(call: Call, spent: list[float]) -> Call:
    return lambda: spent.append(milliseconds(call, time.process_time))


def browser() -> Client:
    """Return a client of a superuser, who may see every peer's pages."""
    user, _ = User.objects.get_or_create(username="beside", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, address: str, *words: str) -> Call:
    """Return a call that gets a page, once it has been seen to hold what it is about."""
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    text = response.content.decode()
    assert all(word in text for word in words), (address, words, text[:2000])
    return lambda: client.get(address)
