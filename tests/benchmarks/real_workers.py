"""The page of workers with a hundred real ones."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from unittest import mock

from celery import current_app
from django.test import Client
from django.urls import reverse

from celery_ops.backends.broker import backend
from celery_ops.backends.remote import sharing, snapshot
from tests.conftest import broker
from tests.servers import PORT, wait_for

from .beside import browser
from .figures import Figure, at_most, exactly
from .fleet import fleet, hostname
from .registry import WORKERS, benchmark
from .setup import use_store
from .timing import milliseconds, sized

FEW, MANY = sized((3, 100), quick=(1, 2))
ROUNDS = sized(15, quick=1)
#: Seconds for which a look is new where it is to be an old one.
SHORT = 0.05
#: What a browser says of a page that a person opens.
OPENED = {"Sec-Fetch-Mode": "navigate"}
FEWS, MANYS = f"redis://127.0.0.1:{PORT}/4", f"redis://127.0.0.1:{PORT}/5"


@benchmark("real_workers", WORKERS)
def hundred() -> Iterator[Figure]:
    """The page of workers with a hundred real workers on this machine, over the same with three."""
    client = browser()
    use_store(f"redis://127.0.0.1:{PORT}/1", STORE_TIMEOUT=20, CONTROL_TIMEOUT=20)  # a busy machine is no outage
    with fleet(FEWS, FEW), fleet(MANYS, MANY):
        for url, number in ((FEWS, FEW), (MANYS, MANY)):
            with broker(url):  # what is bound may not be listening yet
                wait_for(lambda number=number: _answering(number) == number, f"{number} workers to answer")
        for what, size in (("the page", ""), (f"all {MANY} on one page", f"?page_size={MANY}")):
            address = reverse("celery_ops:worker-list") + size
            yield from _figures(client, address, f"{MANY} workers, {what}")
        with broker(MANYS):
            yield Figure.of("workers that answer to the end", _answering(MANY), target=exactly(MANY))


def _figures(client: Client, address: str, what: str) -> Iterator[Figure]:
    """Time it once something was changed, so that the workers are waited for; without that; and as others see it."""
    with _aging():
        ways = {"workers asked anew": _ask_anew, "asked meanwhile": _let_age}
        taken = {how: _in_turn(client, address, before) for how, before in ways.items()}
    taken["shared with another viewer"] = _in_turn(client, address, lambda: None)
    for how, (few, many, worked) in taken.items():
        yield Figure.of(f"{what}, {how}", many, "ms")
        yield Figure.of("… of it our processor's, the rest the workers'", worked, "ms")
        yield Figure.of(f"… over {FEW}", median(many) / median(few), "x", target=at_most(5))


def _answering(number: int) -> int:
    return len(current_app.control.inspect(timeout=2, limit=number).ping() or {})


def _in_turn(client: Client, address: str, before: Callable[[], None]) -> tuple[list[float], list[float], list[float]]:
    few: list[float] = []
    many: list[float] = []
    worked: list[float] = []
    for number in range(1 + ROUNDS):
        for url, taken in ((FEWS, few), (MANYS, many)):
            with broker(url):
                wait_for(lambda: hostname(0) in _waited_for(client, address), "the workers to be known")
                before()
                begun = time.process_time()
                spent = milliseconds(lambda: client.get(address, headers=OPENED))
                computed = time.process_time() - begun
                _waited_for(client, address)  # nobody is still asked in the next turn
            if number:
                taken.append(spent)
                if taken is many:
                    worked.append(computed * 1000)
    return few, many, worked


def _waited_for(client: Client, address: str) -> str:
    """Return the page as its script asks for it."""
    return client.get(address, headers={"X-Celery-Ops": "fragment"}).content.decode()


def _ask_anew() -> None:
    snapshot.expire()
    backend.forget()


@contextmanager
def _aging() -> Iterator[None]:
    """Looks are new for a moment, not for two seconds, which every round would have to wait."""
    with mock.patch.object(sharing, "FRESH", SHORT), mock.patch.object(snapshot, "FRESH", SHORT):
        yield


def _let_age() -> None:
    time.sleep(2 * SHORT)
