"""The pages of workers and queues with three real workers, beside dj-celery-panel where that is installed."""

import contextlib
import statistics
import time
import uuid
from collections.abc import Callable, Iterator

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from celery_ops.backends.broker import backend
from celery_ops.backends.remote import snapshot
from tests.celery import app
from tests.conftest import broker as broker_at
from tests.servers import PORT, Site, Worker

from .setup import Figure, use_store

ROUNDS = 20
PEER_ROUNDS = 3


def beside_the_peer() -> Iterator[Figure]:
    site = Site(f"redis://127.0.0.1:{PORT}/4", f"redis://127.0.0.1:{PORT}/5", "django-db://")
    use_store(site.store)
    user = User.objects.create_superuser(f"pages-{uuid.uuid4().hex[:6]}")
    browser = Client()
    browser.force_login(user)
    with contextlib.ExitStack() as stack:
        stack.enter_context(broker_at(site.broker))
        for number in range(3):
            worker = Worker(f"w{number}@bench", site.environment, "-c", "1")
            stack.callback(worker.stop)
        for page in ("worker-list", "queue-list", "overview"):
            yield from _page(browser, page)
        yield from _detail(browser)


def _page(browser: Client, name: str) -> Iterator[Figure]:
    address = reverse(f"celery_ops:{name}")
    ours = _asked_anew(lambda: browser.get(address))
    shared = _median(lambda: browser.get(address), ROUNDS)
    theirs = _peer(name)
    ratio = f", {ours / theirs:.3f} of the peer's {theirs:.0f} ms" if theirs else ""
    yield Figure(f"{name}, workers asked anew", f"{ours:.0f} ms{ratio}", "<= 60 ms, <= 0.1")
    yield Figure(f"{name}, shared with another viewer", f"{shared:.0f} ms", "")


def _detail(browser: Client) -> Iterator[Figure]:
    address = reverse("celery_ops:worker-detail", args=["w0@bench"])
    yield Figure("worker-detail", f"{_median(lambda: browser.get(address), ROUNDS):.0f} ms", "")


def _asked_anew(call: Callable[[], object]) -> float:
    def fresh() -> None:
        snapshot.forget()
        backend.forget()
        call()

    call()  # knows the workers from now on
    return _median(fresh, ROUNDS)


def _peer(name: str) -> float | None:
    """Return what the peer needs for the data alone of its page, in milliseconds; None where it is not installed."""
    try:
        from dj_celery_panel.celery_utils import CeleryQueuesInterface, CeleryWorkersInterface
    except ImportError:
        return None
    asked = {
        "worker-list": lambda: CeleryWorkersInterface(app).get_workers(),
        "queue-list": lambda: CeleryQueuesInterface(app).get_queues(),
    }.get(name)
    return _median(asked, PEER_ROUNDS) if asked else None


def _median(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000
