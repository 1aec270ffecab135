"""What a tracked task costs the store: round trips and bytes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock

from celery import shared_task
from celery.utils import uuid

from celery_ops import track
from celery_ops.tracking import executing, facts, publishing, stamp
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.redis.server import Server
from tests.shop import tasks
from tests.shop.models import Order

from .figures import Figure, at_most, exactly
from .registry import TRACKING, benchmark
from .setup import client, default_store
from .timing import sized

#: So many objects, and so many tasks of each.
SHAPES = ((sized(200, quick=5), 20), (sized(4000, quick=100), 1))


@cache
def charge_card():
    """Return a task as sites have them, by its name and by what it is given; made here, for tests import this."""

    @track(Order)
    @shared_task(name="shop.tasks.charge_card")
    def charge_card(order_id, currency):
        pass

    return charge_card


@dataclass
class Clock:
    """Milliseconds since the epoch, which pass when somebody says so."""

    now: int = field(default_factory=stamp.now_ms)

    def passes(self, milliseconds: int) -> None:
        self.now += milliseconds

    def nanoseconds(self) -> int:
        return self.now * 1_000_000

    @contextmanager
    def stopped(self) -> Iterator[None]:
        with mock.patch.object(time, "time_ns", self.nanoseconds):
            yield


def lifecycle(
    task: Any,
    args: tuple,
    kwargs: dict[str, Any] | None = None,
    *,
    result: Any = None,
    hostname: str = "celery@web-3",
    passes: Callable[[int], None] = lambda milliseconds: None,
    does: Callable[[], object] = lambda: None,
) -> None:
    """Take a task through the signals of a real publish and of a worker, in this process."""
    task_id, kwargs = uuid(), kwargs or {}
    headers = {"id": task_id, "task": task.name, "parent_id": None}
    publishing.before_task_publish(sender=task.name, headers=headers, body=(args, kwargs, {}))
    publishing.after_task_publish(sender=task.name, headers=headers, body=(args, kwargs, {}))
    recorder().flush()  # a publisher and a worker are two processes, and a task takes longer than this
    passes(12)
    request = {**headers, "args": args, "kwargs": kwargs, "hostname": hostname, "called_directly": False}
    request |= {stamp.RECEIVED: stamp.now_ms(), stamp.DELIVERY: facts.execution_tag()}
    task.request_stack.push(type(task.request)(request))
    passes(3)
    try:
        executing.task_prerun(sender=task, task_id=task_id, args=args, kwargs=kwargs)
        recorder().flush()
        passes(437)
        does()
        executing.task_success(sender=task, result=result)
        executing.task_postrun(sender=task, task_id=task_id, args=args, kwargs=kwargs, state="SUCCESS")
        recorder().flush()
    finally:
        task.request_stack.pop()


def count_round_trips(call) -> int:
    exchange = Server._exchange
    with mock.patch.object(Server, "_exchange", autospec=True, side_effect=exchange) as spy:
        call()
    return spy.call_count


@benchmark("round_trips", TRACKING)
def round_trips() -> Iterator[Figure]:
    """What one task asks of the store, from its publish to its end."""
    default_store()
    lifecycle(tasks.noop, (1,))  # connects, and brings the script
    untracked = count_round_trips(lambda: lifecycle(tasks.untracked_noop, (1,)))
    tracked = count_round_trips(lambda: lifecycle(tasks.noop, (2,)))
    yield Figure.of("round trips, untracked task", untracked, target=exactly(0))
    yield Figure.of("round trips, tracked task", tracked, target=at_most(3))


def synthetic(number: int, _clock: Clock) -> None:
    lifecycle(tasks.noop, (number + 1,))


def real(number: int, clock: Clock) -> None:
    """As a site has it: names of a pod and of a task, what the task is given, and what it answers."""
    lifecycle(
        charge_card(),
        (10432 + number,),
        {"currency": "EUR"},
        result={"charged": "49.90"},
        hostname="celery@worker-6d8f9c7b5d-x2k4q",
        passes=clock.passes,
    )


@benchmark("memory", TRACKING)
def memory() -> Iterator[Figure]:
    """What a tracked task takes in the store."""
    default_store()
    for what, publish, reaches in (("synthetic", synthetic, (350, 500)), ("real", real, (300, 400))):
        for (objects, each), reach in zip(SHAPES, reaches, strict=True):
            by_key, used, without_ttl = _bytes_a_task(publish, objects, each)
            yield Figure.of(f"{what}, {each} an object, by MEMORY USAGE", by_key, "B", target=at_most(reach))
            yield Figure.of("… by used_memory", used, "B")
            yield Figure.of("… keys without a time to live", without_ttl, target=exactly(0))


def _bytes_a_task(publish: Callable[[int, Clock], None], objects: int, each: int) -> tuple[float, float, int]:
    """What Redis says of the keys, index and long values among them; what it has taken; and keys that stay for ever."""
    redis, clock = client(), Clock()
    publish(0, clock)  # connects
    redis.flushdb()
    before = redis.info("memory")["used_memory"]
    with clock.stopped():
        for number in range(objects):
            for _ in range(each):
                publish(number, clock)
    used = redis.info("memory")["used_memory"] - before
    keys = list(redis.scan_iter(count=1000))
    by_key = sum(redis.memory_usage(key, samples=0) for key in keys)
    without_ttl = sum(redis.ttl(key) < 0 for key in keys)
    redis.flushdb()
    return by_key / (objects * each), used / (objects * each), without_ttl
