"""What a web process that has just started needs for its first page of workers."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.urls import reverse

from celery_ops.backends.remote.known_workers import known_workers
from tests.backends.starting import end, start
from tests.celery import app
from tests.conftest import broker, rabbitmq_vhost

from .beside import PANEL, browser, is_installed, page
from .figures import Figure, at_most
from .registry import WORKERS, benchmark
from .setup import default_store
from .timing import in_turn, sized

ROUNDS = sized(5, quick=1)
#: Of a peer that waits a whole second each time.
PEER_ROUNDS = sized(3, quick=1)


@benchmark("new_process", WORKERS)
def newcomers() -> Iterator[Figure]:
    """The first page of workers in a new web process, of three real workers that do not say themselves who they are."""
    yield from _beside("Redis", app.conf.broker_url)
    try:
        with rabbitmq_vhost() as url:
            yield from _beside("RabbitMQ", url)
    except pytest.skip.Exception:
        return


def _beside(name: str, url: str) -> Iterator[Figure]:
    default_store()
    workers = start("w1@bench", "w2@bench", "w3@bench", url=url, options=("-P", "solo"))
    try:
        with broker(url):
            known_workers().forget()
            yield from _figures(name, url)
    finally:
        for worker in workers:
            end(worker)


def _figures(name: str, url: str) -> Iterator[Figure]:
    theirs = None
    if is_installed(PANEL):
        (theirs,) = in_turn(page(browser(), reverse("dj_celery_panel:workers")), rounds=PEER_ROUNDS)
    first, _worked = _newcomer(url)
    yield Figure.of(f"{name}: the first process of the site", first, "ms", peer=PANEL, theirs=theirs)
    taken, worked = (list(each) for each in zip(*(_newcomer(url) for _ in range(ROUNDS)), strict=True))
    target = at_most(0.12)
    yield Figure.of(f"{name}: another one", taken, "ms", peer=PANEL, theirs=theirs, ratio_target=target)
    yield Figure.of("… of it the processor's", worked, "ms")


def _newcomer(url: str) -> tuple[float, float]:
    """Return the milliseconds that one took, and those of its processor."""
    command = [sys.executable, "-m", "tests.benchmarks.newcomer"]
    output = subprocess.check_output(command, env={**os.environ, "TEST_BROKER_URL": url}, text=True)
    taken, worked = map(float, output.split())
    return taken, worked
