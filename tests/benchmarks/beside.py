"""The same thing asked of us and of each peer, in turn."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from .figures import Figure, Target
from .timing import in_turn

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
    """Yield a figure for each peer, in milliseconds; without any, ours alone. ``targets`` are of ours over a peer's."""
    taken, *others = in_turn(ours, *theirs.values(), rounds=rounds)
    for peer, samples in zip(theirs, others, strict=True):
        yield Figure.of(what, taken, "ms", peer=peer, theirs=samples, ratio_target=(targets or {}).get(peer))
    if not theirs:
        yield Figure.of(what, taken, "ms")


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
