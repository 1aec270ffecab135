"""What the pages of workers and queues cost."""

import contextlib
from collections.abc import Callable, Iterator

from django.test import Client
from django.urls import reverse

from celery_ops.backends.broker import backend
from celery_ops.backends.remote import snapshot
from tests.conftest import broker as broker_at
from tests.servers import PORT, Site, Worker, wait_for

from . import flower
from .beside import FLOWER, PANEL, Call, browser, is_installed, page
from .figures import Figure, Target, at_most
from .registry import WORKERS, benchmark
from .setup import use_store
from .timing import in_turn, sized

ROUNDS = sized(20, quick=1)
#: Of a peer that waits a whole second each time.
PEER_ROUNDS = sized(3, quick=1)
NAMES = ("w0@bench", "w1@bench", "w2@bench")


@benchmark("pages", WORKERS)
def beside_the_peers() -> Iterator[Figure]:
    """Whole pages of workers and queues with three real workers, beside dj-celery-panel's, and Flower's over HTTP."""
    site = Site(f"redis://127.0.0.1:{PORT}/4", f"redis://127.0.0.1:{PORT}/5", "django-db://")
    use_store(site.store)
    client = browser()
    with contextlib.ExitStack() as stack:
        stack.enter_context(broker_at(site.broker))
        for name in NAMES:
            stack.callback(Worker(name, site.environment, "-c", "1").stop)
        flowers = stack.enter_context(flower.Flower(site.broker)) if flower.IS_INSTALLED else None
        yield from _page(client, "worker-list", _theirs(client, "workers", flowers and _flowers_workers(flowers)))
        yield from _page(client, "queue-list", _theirs(client, "queues"))
        yield from _page(client, "overview", {})
        yield from _page(client, "worker-detail", _theirs(client, "worker_detail"), NAMES[0])


def _page(client: Client, name: str, theirs: dict[str, Call], *args: str) -> Iterator[Figure]:
    ours = page(client, reverse(f"celery_ops:{name}", args=args))
    anew = asked_anew(ours, ROUNDS)
    (shared,) = in_turn(ours, rounds=ROUNDS)
    targets: dict[str, Target] = {"target": at_most(60), "ratio_target": at_most(0.1)}
    for peer, call in theirs.items():
        (taken,) = in_turn(call, rounds=PEER_ROUNDS)
        yield Figure.of(f"{name}, workers asked anew", anew, "ms", peer=peer, theirs=taken, **targets)
    if not theirs:
        yield Figure.of(f"{name}, workers asked anew", anew, "ms", target=at_most(60))
    yield Figure.of("… shared with another viewer", shared, "ms")


def _theirs(client: Client, name: str, asked: Call | None = None) -> dict[str, Call]:
    args = [NAMES[0]] if name == "worker_detail" else []
    calls = {PANEL: page(client, reverse(f"dj_celery_panel:{name}", args=args))} if is_installed(PANEL) else {}
    return {**calls, FLOWER: asked} if asked else calls


def _flowers_workers(flowers: flower.Flower) -> Call:
    """Return what has Flower ask its workers anew; its page itself shows what it has heard before."""

    def call():
        return flowers.get("/api/workers?refresh=true")

    wait_for(lambda: all(name.encode() in call() for name in NAMES), "Flower to know the workers")
    return call


def asked_anew(call: Callable[[], object], rounds: int) -> list[float]:
    """Return the milliseconds of a page that asks the workers, by a process that knows them."""

    def fresh() -> None:
        snapshot.expire()
        backend.forget()
        call()

    call()  # knows the workers from now on
    (taken,) = in_turn(fresh, rounds=rounds)
    return taken
