"""What a tracked task costs the store: round trips and bytes."""

from collections.abc import Iterator
from unittest import mock

from celery.utils import uuid

from celery_ops.tracking import facts, receivers, stamp
from celery_ops.tracking.redis import RedisStore
from tests.shop import tasks

from .setup import Figure, client, default_store


def lifecycle(task, args: tuple, task_id: str | None = None) -> None:
    """Take a task through the signals of a real publish and of a worker, in this process."""
    task_id = task_id or uuid()
    headers = {"id": task_id, "task": task.name, "parent_id": None}
    receivers.before_task_publish(sender=task.name, headers=headers, body=(args, {}, {}))
    receivers.after_task_publish(sender=task.name, headers=headers, body=(args, {}, {}))
    request = {**headers, "args": args, "kwargs": {}, "hostname": "celery@web-3"}
    request |= {stamp.RECEIVED: stamp.now_ms(), stamp.DELIVERY: facts.execution_tag()}
    task.request_stack.push(type(task.request)(request))
    try:
        receivers.task_prerun(sender=task, task_id=task_id, args=args, kwargs={})
        receivers.task_success(sender=task, result=None)
        receivers.task_postrun(sender=task, task_id=task_id, args=args, kwargs={}, state="SUCCESS")
    finally:
        task.request_stack.pop()


def count_round_trips(call) -> int:
    exchange = RedisStore._exchange
    with mock.patch.object(RedisStore, "_exchange", autospec=True, side_effect=exchange) as spy:
        call()
    return spy.call_count


def round_trips() -> Iterator[Figure]:
    default_store()
    lifecycle(tasks.noop, (1,))  # connects, and brings the script
    untracked = count_round_trips(lambda: lifecycle(tasks.untracked_noop, (1,)))
    yield Figure("store round trips, untracked task", str(untracked), "0")
    yield Figure("store round trips, tracked task", str(count_round_trips(lambda: lifecycle(tasks.noop, (2,)))), "3")


def memory() -> Iterator[Figure]:
    default_store()
    redis = client()
    for objects, each, reach in ((200, 20, 350), (4000, 1, 500)):
        redis.flushdb()
        before = redis.info("memory")["used_memory"]
        for number in range(objects):
            for _ in range(each):
                lifecycle(tasks.noop, (number + 1,))
        keys = list(redis.scan_iter(count=1000))
        by_key = sum(redis.memory_usage(key, samples=0) for key in keys) / (objects * each)
        used = (redis.info("memory")["used_memory"] - before) / (objects * each)
        what = f"store bytes a task, {each} an object"
        yield Figure(f"{what} (MEMORY USAGE / used_memory)", f"{by_key:.0f} / {used:.0f}", f"<= {reach}")
    without_ttl = sum(redis.ttl(key) < 0 for key in keys)
    yield Figure("keys without a time to live", str(without_ttl), "0")
    redis.flushdb()
