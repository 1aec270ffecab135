"""The page of workers with a hundred real ones."""

import time
from collections.abc import Callable, Iterator
from statistics import median

from celery import current_app
from django.test import Client
from django.urls import reverse

from celery_ops.backends.broker import backend
from celery_ops.backends.remote import snapshot
from tests.conftest import broker
from tests.servers import PORT, wait_for

from .beside import browser
from .figures import Figure, at_most, exactly
from .fleet import fleet, hostname
from .registry import WORKERS, benchmark
from .timing import milliseconds, sized

FEW, MANY = sized((3, 100), quick=(1, 2))
ROUNDS = sized(15, quick=1)
FEWS, MANYS = f"redis://127.0.0.1:{PORT}/4", f"redis://127.0.0.1:{PORT}/5"


@benchmark("real_workers", WORKERS)
def hundred() -> Iterator[Figure]:
    """The page of workers with a hundred real workers on this machine, over the same with three."""
    client = browser()
    with fleet(FEWS, FEW), fleet(MANYS, MANY):
        for url, number in ((FEWS, FEW), (MANYS, MANY)):
            with broker(url):  # what is bound may not be listening yet
                wait_for(lambda number=number: _answering(number) == number, f"{number} workers to answer")
        for what, size in (("the page", ""), (f"all {MANY} on one page", f"?page_size={MANY}")):
            address = reverse("celery_ops:worker-list") + size
            for how, before in (("workers asked anew", _ask_anew), ("shared with another viewer", lambda: None)):
                few, many, worked = _in_turn(client, address, before)
                yield Figure.of(f"{MANY} workers, {what}, {how}", many, "ms")
                yield Figure.of("… of it our processor's, the rest the workers'", worked, "ms")
                yield Figure.of(f"… over {FEW}", median(many) / median(few), "x", target=at_most(5))
        with broker(MANYS):
            yield Figure.of("workers that answer to the end", _answering(MANY), target=exactly(MANY))


def _answering(number: int) -> int:
    return len(current_app.control.inspect(timeout=2, limit=number).ping() or {})


def _in_turn(client: Client, address: str, before: Callable[[], None]) -> tuple[list[float], list[float], list[float]]:
    few: list[float] = []
    many: list[float] = []
    worked: list[float] = []
    for number in range(1 + ROUNDS):
        for url, taken in ((FEWS, few), (MANYS, many)):
            with broker(url):
                assert hostname(0) in client.get(address).content.decode()  # and knows the workers
                before()
                begun = time.process_time()
                spent = milliseconds(lambda: client.get(address))
            if number:
                taken.append(spent)
                if taken is many:
                    worked.append((time.process_time() - begun) * 1000)
    return few, many, worked


def _ask_anew() -> None:
    snapshot.expire()
    backend.forget()
