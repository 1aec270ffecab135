"""The page of workers as there are more of them."""

from collections.abc import Iterator
from statistics import median

from django.urls import reverse

from celery_ops.backends.remote.known_workers import known_workers

from .beside import PANEL, browser, is_installed, page
from .crowd import crowd, hostname
from .figures import Figure, at_most
from .pages import asked_anew
from .registry import GROWTH, benchmark
from .setup import fresh
from .timing import in_turn, sized

CURVE = sized((1, 3, 10, 30, 100), quick=(1, 3))
ROUNDS = sized(15, quick=1)
#: Of a peer that waits a whole second each time.
PEER_ROUNDS = sized(3, quick=1)


@benchmark("growth_workers", GROWTH)
def growth() -> Iterator[Figure]:
    """The whole page of workers, asked anew, as there are more of them: simulated ones, which answer at once."""
    client, medians = browser(), {}
    address = f"{reverse('celery_ops:worker-list')}?page_size={max(CURVE)}"  # all on one page, as theirs
    for number in CURVE:
        fresh()
        known_workers().forget()
        with crowd(number):
            ours = page(client, address, hostname(0), hostname(number - 1))
            taken, theirs = asked_anew(ours, ROUNDS), None
            if is_installed(PANEL):
                (theirs,) = in_turn(page(client, reverse("dj_celery_panel:workers")), rounds=PEER_ROUNDS)
            medians[number] = median(taken)
            yield Figure.of(f"{number} workers", taken, "ms", peer=PANEL, theirs=theirs)
    if 100 in medians:
        yield Figure.of("100 workers over 3", medians[100] / medians[3], "x", target=at_most(5))
