"""What it takes to ask where a task is, and to say what it cost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import resolve

from celery_ops import tasks_for, tracking
from celery_ops.middleware import StartedByMiddleware
from celery_ops.stacks.asking import stack_of
from celery_ops.tracking import costs, task_threads
from celery_ops.tracking.recorder import recorder
from tests.conftest import broker
from tests.servers import PORT, Site, Worker, wait_for
from tests.shop import tasks
from tests.shop.models import Order

from .figures import Figure, at_most
from .registry import TRACKING, benchmark
from .setup import default_store, use_store
from .timing import milliseconds, sized

ROUNDS = sized(40, quick=2)
CALLS = sized(20_000, quick=100)
#: Requests of each kind in a round.
REQUESTS = sized(300, quick=20)


@benchmark("stack", TRACKING)
def stack() -> Iterator[Figure]:
    """Where a running task is, asked of its worker, from the question to the answer."""
    for pool in ("prefork", "threads"):
        with running(pool) as (task_id, hostname):
            stack_of(task_id)
            known = [milliseconds(lambda: stack_of(task_id, hostname)) for _ in range(ROUNDS)]
            unknown = [milliseconds(lambda: stack_of(task_id)) for _ in range(ROUNDS)]
        yield Figure.of(f"{pool}, its worker is known", known, "ms", target=at_most(300))
        yield Figure.of(f"{pool}, all workers are asked", unknown, "ms", target=at_most(300))


@contextmanager
def running(pool: str) -> Iterator[tuple[str, str]]:
    """Have a worker of this pool run a task meanwhile."""
    site = Site(f"redis://127.0.0.1:{PORT}/6", f"redis://127.0.0.1:{PORT}/1", "disabled://", prefix=f"stack-{pool}")
    worker = Worker(f"{pool}@bench", site.environment, "-P", pool, "-c", "2")
    try:
        use_store(site.store, STORE_PREFIX=site.prefix)
        with broker(site.broker), TemporaryDirectory() as folder:
            pace = Path(folder, "pace")
            pace.write_bytes(b"")
            result = tasks.paced.delay(1, str(pace), steps=1)
            wait_for(lambda: [task for task in tasks_for(Order(pk=1)) if task.state == "STARTED"], "the task to run")
            yield result.id, worker.hostname
            pace.write_bytes(b".")
    finally:
        worker.stop()


@benchmark("cost", TRACKING)
def cost() -> Iterator[Figure]:
    """What it takes an attempt to say what it cost, and to be found by its id, of the processor."""
    samples = [processor(_measured) for _ in range(sized(15, quick=1))]
    yield Figure.of("CPU and memory of an attempt", samples, "us", target=at_most(2))
    samples = [processor(_noted) for _ in range(sized(15, quick=1))]
    yield Figure.of("noting where it runs", samples, "us", target=at_most(1))


def processor(call) -> float:
    """Return the microseconds of the processor that one of many calls takes."""
    begin = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - begin) / CALLS * 1e6


def _measured() -> None:
    details: dict[str, object] = {}
    costs.begin(details)
    costs.text_of(costs.of(details))


def _noted() -> None:
    task_threads.begin("4f1c")
    task_threads.end("4f1c")


@benchmark("started_by", TRACKING)
def started_by() -> Iterator[Figure]:
    """What StartedByMiddleware adds to a request that publishes, over a view that says ``tracking(request.user)``."""
    default_store()
    request = RequestFactory().get("/")
    request.user, request.resolver_match = User(pk=7, username="ann"), resolve("/orders/")
    for name, task in (("a tracked task", tasks.noop), ("an untracked one", tasks.untracked_noop)):
        for _ in range(2):  # the first round is not counted
            rounds = [_answered(request, task) for _ in range(sized(11, quick=1))]
        over_tracking = [middleware - tracked for middleware, tracked, _plain in rounds]
        over_none = [middleware - plain for middleware, _tracked, plain in rounds]
        yield Figure.of(f"delay() of {name}", over_tracking, "us", target=at_most(3))
        yield Figure.of("… over a view that does not say so", over_none, "us")


def _answered(request, task) -> list[float]:
    """Return the microseconds of this thread's processor that a request takes: with it, within tracking(), plainly."""

    def plain(_request):
        task.delay(1)

    def tracked(request):
        with tracking(request.user):
            task.delay(1)

    samples: dict[object, list[int]] = {StartedByMiddleware(plain): [], tracked: [], plain: []}
    for _ in range(REQUESTS):  # in turn, so that a drift of the machine meets all
        for answer, taken in samples.items():
            begin = time.thread_time_ns()
            answer(request)
            taken.append(time.thread_time_ns() - begin)
    recorder().flush()
    return [median(taken) / 1000 for taken in samples.values()]
