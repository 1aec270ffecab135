"""A week of history, so that the charts have something to show from the first minute.

It is counted as publishers and workers count what they do, only earlier. The same seed makes the same week.
"""

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from celery_ops.failures.counting import FailureCounting
from celery_ops.failures.tally import Failure
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.reading import names
from celery_ops.metrics.windows import WINDOWS

SEED = 2026
MINUTE, HOUR, DAY = 60, 3600, 86_400
#: Moments that are told to the store at once.
A_FLUSH = 40


@dataclass(frozen=True)
class Habit:
    """How a task usually goes: so many in a busy hour, of which half wait and run no longer than so many seconds."""

    name: str
    an_hour: float
    wait: float
    run: float
    queue: str = "sandbox"
    failures: float = 0.0
    exception: str = ""
    retries: float = 0.0


@dataclass(frozen=True)
class Mishap:
    """What a failure of one class says, and where it happens; ``%d`` is another number each time."""

    name: str
    message: str
    frame: str


MISHAPS = {
    "OperationalError": Mishap(
        "django.db.utils.OperationalError",
        "connection to the bank's ledger at 10.0.3.%d timed out",
        "shop.tasks.process_payment",
    ),
    "SMTPServerDisconnected": Mishap(
        "smtplib.SMTPServerDisconnected", "Connection unexpectedly closed: %d", "shop.tasks.send_receipt"
    ),
    "CarrierUnavailable": Mishap(
        "shop.exceptions.CarrierUnavailable", "parcel %d was not taken", "shop.tasks.sync_to_carrier"
    ),
    "CardDeclined": Mishap(
        "shop.exceptions.CardDeclined",
        "the bank refused the payment of A-%d: the card has expired",
        "shop.tasks.charge_expired_card",
    ),
    "ConnectionError": Mishap(
        "requests.exceptions.ConnectionError",
        "HTTPSConnectionPool(host='images.example', port=443): no answer in %d s",
        "inventory.tasks.download_image_from_url",
    ),
}

HABITS = (
    Habit("shop.tasks.process_payment", 60, 0.08, 4.9, failures=0.01, exception="OperationalError"),
    Habit("shop.tasks.fulfill_order", 30, 0.1, 3.1),
    Habit("shop.tasks.internal_cleanup", 30, 0.1, 0.5),
    Habit("shop.tasks.send_receipt", 45, 0.05, 0.03, failures=0.004, exception="SMTPServerDisconnected"),
    Habit("shop.tasks.sync_to_carrier", 24, 0.2, 0.8, failures=0.02, exception="CarrierUnavailable", retries=2.0),
    Habit("shop.tasks.charge_expired_card", 6, 0.1, 1.0, failures=1.0, exception="CardDeclined"),
    Habit("shop.tasks.export_invoice", 12, 0.3, 21.0),
    Habit("shop.tasks.restock_product", 8, 0.2, 1.9),
    Habit("inventory.tasks.update_average_lead_times", 60, 0.02, 0.06),
    Habit("inventory.tasks.generate_index_card", 40, 1.5, 1.1, "sandbox-documents"),
    Habit("inventory.tasks.generate_qr_code", 40, 1.2, 0.15, "sandbox-documents"),
    Habit("inventory.tasks.download_image_from_url", 15, 0.1, 0.7, failures=0.08, exception="ConnectionError"),
)


def is_there() -> bool:
    """Whether anything was counted in the last week. Raises StoreUnavailable."""
    return bool(names(WINDOWS["7d"]))


def plant(now: float | None = None) -> int:
    """Count a week of the shop, and return how many runs that was."""
    now = time.time() if now is None else now
    chance = random.Random(SEED)
    runs = 0
    for number, (at, seconds) in enumerate(moments(now)):
        for habit in HABITS:
            runs += _plant(habit, at, seconds, chance)
        if number % A_FLUSH == 0:
            flusher().flush()
    flusher().flush()
    return runs


def moments(now: float) -> Iterator[tuple[int, int]]:
    """Yield times and for how many seconds each stands: the nearer, the finer."""
    begin = int(now) // HOUR * HOUR
    for ago in range(7 * 24, 24, -1):
        yield begin - ago * HOUR, HOUR
    for at in range(begin - 24 * HOUR, begin - HOUR, 15 * MINUTE):
        yield at, 15 * MINUTE
    for at in range(begin - HOUR, int(now) // MINUTE * MINUTE, MINUTE):
        yield at, MINUTE


def busy(at: float) -> float:
    """How busy the shop is at a time, from 0 to 1: two peaks on a working day, little at night and on Sundays."""
    hour = at % DAY / HOUR
    day = 0.06 + 0.8 * math.exp(-(((hour - 10.5) / 2.2) ** 2)) + 0.9 * math.exp(-(((hour - 15.5) / 2.4) ** 2))
    return min(1.0, day) * (0.25 if time.gmtime(at).tm_wday == 6 else 1.0)


def _plant(habit: Habit, at: int, seconds: int, chance: random.Random) -> int:
    """Count what a task does in some seconds, and return how many runs that is."""
    share = 1.0 if habit.name.endswith("lead_times") else busy(at)
    number = _whole(habit.an_hour * share * seconds / HOUR, chance)
    if not number:
        return 0
    place = (at // MINUTE, "", habit.name, "", habit.queue)
    counting = flusher().counting
    crowd = 1 + 6 * share**3 if habit.queue != "sandbox" else 1.0  # who waits for one worker waits longer in a crowd
    for _ in range(number):
        counting.sent(place)
        counting.add((place, Total.RECEIVED, None, "", False))
        counting.add((place, Total.STARTED, chance.lognormvariate(math.log(habit.wait * crowd), 0.7), "", False))
        has_failed = chance.random() < habit.failures
        if has_failed:
            _fail(habit, at + seconds * chance.random(), chance)
        end, exception = (Total.FAILURE, habit.exception) if has_failed else (Total.SUCCESS, "")
        counting.add((place, end, chance.lognormvariate(math.log(habit.run), 0.35), exception, False))
        for _ in range(_whole(habit.retries, chance)):
            counting.add((place, Total.RETRY, None, "", False))
    return number


def _fail(habit: Habit, at: float, chance: random.Random) -> None:
    """Count a failure in its group, of one of a hundred orders."""
    mishap, number = MISHAPS[habit.exception], chance.randrange(1, 250)
    message = mishap.message % number
    task_id = f"{chance.getrandbits(32):08x}-0000-4000-8000-{number:012d}"
    objects = (f"shop.order\x1f{number % 100}",) if habit.name.startswith("shop.") else ()
    failure = Failure(at, "", habit.name, task_id, mishap.name, message, mishap.frame, objects=objects)
    flusher().source(FailureCounting).add(failure)


def _whole(number: float, chance: random.Random) -> int:
    """Return a whole number near this one, on average the same."""
    return int(number * chance.uniform(0.7, 1.3) + chance.random())
