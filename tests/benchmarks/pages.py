"""What the pages of workers and queues cost."""

import contextlib
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

from . import peer
from .figures import Figure, at_most
from .registry import WORKERS, benchmark
from .setup import use_store
from .timing import in_turn, sized

ROUNDS = sized(20, quick=1)
PEER_ROUNDS = sized(3, quick=1)


@benchmark("pages", WORKERS)
def beside_the_peer() -> Iterator[Figure]:
    """Our pages of workers and queues with three real workers, beside the data alone of dj-celery-panel's."""
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
    (shared,) = in_turn(lambda: browser.get(address), rounds=ROUNDS)
    theirs, ratio_target = _peer(name), at_most(0.1)
    what = f"{name}, workers asked anew"
    yield Figure.of(what, ours, "ms", peer=peer.NAME, theirs=theirs, target=at_most(60), ratio_target=ratio_target)
    yield Figure.of(f"{name}, shared with another viewer", shared, "ms")


def _detail(browser: Client) -> Iterator[Figure]:
    address = reverse("celery_ops:worker-detail", args=["w0@bench"])
    (taken,) = in_turn(lambda: browser.get(address), rounds=ROUNDS)
    yield Figure.of("worker-detail", taken, "ms")


def _asked_anew(call: Callable[[], object]) -> list[float]:
    def fresh() -> None:
        snapshot.forget()
        backend.forget()
        call()

    call()  # knows the workers from now on
    (taken,) = in_turn(fresh, rounds=ROUNDS)
    return taken


def _peer(name: str) -> list[float] | None:
    """Return what the peer needs for the data alone of its page, in milliseconds; None where it is not installed."""
    try:
        from dj_celery_panel.celery_utils import CeleryQueuesInterface, CeleryWorkersInterface
    except ImportError:
        return None
    asked = {
        "worker-list": lambda: CeleryWorkersInterface(app).get_workers(),
        "queue-list": lambda: CeleryQueuesInterface(app).get_queues(),
    }.get(name)
    return in_turn(asked, rounds=PEER_ROUNDS, warm=0)[0] if asked else None
