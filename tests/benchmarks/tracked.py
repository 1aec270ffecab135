"""What the list of tasks costs where the tracking store alone has them, in an hour of few tasks and of many."""

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field

from celery.utils import uuid

from celery_ops.backends.tracked import TrackedTaskBackend
from celery_ops.task_query import TaskQuery
from celery_ops.tracking import facts, folding, index
from celery_ops.tracking.index import SLOTS
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.stamp import now_ms
from tests.servers import PORT

from .figures import Figure, at_most
from .registry import LISTS, benchmark
from .setup import client, default_store, use_store
from .storage import count_round_trips
from .timing import in_turn, sized

#: Tasks of the last hour, and of how many objects each.
HOURS = (sized((1_000, 1_000), (50, 50)), sized((100_000, 100_000), (500, 500)), sized((100_000, 5_000), (500, 25)))
ROUNDS = sized(9, quick=1)
HOUR, DAY = 3_600_000, 86_400
#: Seconds: a busy machine is no outage here.
PATIENT = 20


@dataclass(frozen=True)
class Case:
    """What is asked for; ``counts`` as well where a page with its tabs is."""

    what: str
    query: TaskQuery = field(default_factory=TaskQuery)
    with_counts: bool = False

    def ask(self) -> None:
        backend = TrackedTaskBackend()
        backend.page(self.query)
        if self.with_counts:
            backend.counts(self.query)


CASES = (
    Case("first page"),
    Case("first page and counts", with_counts=True),
    Case("FAILURE, of which each fiftieth is one", TaskQuery(states=("FAILURE",))),
    Case("a name that none has", TaskQuery(name="nothing")),
)


@benchmark("tracked", LISTS)
def pages() -> Iterator[Figure]:
    """The data of the list of tasks by TrackedTaskBackend, of the tasks of an hour."""
    for tasks, objects in HOURS:
        use_store(f"redis://127.0.0.1:{PORT}/1", RETENTION=_retention(), STORE_TIMEOUT=PATIENT)
        _plant(tasks, objects)
        for case in CASES:
            what = f"{tasks:,} tasks of {objects:,} objects: {case.what}"
            (took,) = in_turn(case.ask, rounds=ROUNDS)
            (busy,) = in_turn(case.ask, rounds=ROUNDS, clock=time.process_time)
            yield Figure.of(what, took, "ms")
            yield Figure.of("… this process's CPU", busy, "ms", target=at_most(400))
            yield Figure.of("… the store's CPU", _of_store("cpu", "used_cpu_user", case) * 1000, "ms")
            sent = _of_store("stats", "total_net_output_bytes", case)
            yield Figure.of("… from the store", sent / 1e6, "MB", target=at_most(1))
            yield Figure.of("… round trips", count_round_trips(case.ask), target=at_most(30))
            yield Figure.of("… memory", _peak(case), "MB", target=at_most(10))
        client().flushdb()
    default_store()


def _retention() -> int:
    """Return about a day in seconds, of which a twelfth is nearly over: then that part of the index has the most."""
    return min(range(DAY, DAY + 7_200, 60), key=lambda seconds: abs(now_ms() / (seconds * 1000 / SLOTS) % 1 - 0.9))


def _plant(tasks: int, objects: int) -> None:
    """Write what publishers and workers would have written of tasks that are spread over an hour."""
    now, batch = now_ms(), []
    for number in range(tasks):
        task_id, at = uuid(), now - 1000 - number * HOUR // tasks
        life = facts.life_tag(at)
        tag = f"{life}Ab"
        known = facts.published(task_id, at, "shop.tasks.charge_card", 0, life)
        start = facts.started(at + 20, at + 12, "celery@worker-6d8f9c7b5d-x2k4q", at, 4242)
        known |= {facts.field(task_id, kind, 0, tag): value for kind, value in start.items()}
        known[facts.field(task_id, facts.ENDED["SUCCESS" if number % 50 else "FAILURE"], 0, tag)] = "437"
        ref = ObjectRef("shop.order", str(10432 + number % objects))
        batch += [(ref, folding.fold(known, facts.short_id(task_id), life, tag)), index.entry(task_id, [ref], at)]
        if len(batch) >= 1000 or number == tasks - 1:
            recorder().ask(lambda store, batch=tuple(batch): store.write(batch))
            batch = []


def _of_store(section: str, name: str, case: Case) -> float:
    redis = client()
    before = redis.info(section)[name]
    case.ask()
    return redis.info(section)[name] - before


def _peak(case: Case) -> float:
    """Return the most that Python had at once for it."""
    tracemalloc.start()
    try:
        case.ask()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
