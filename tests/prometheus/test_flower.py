"""Flower's six by their own names."""

import pytest

from celery_ops import info
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher
from celery_ops.metrics.prefetching import Prefetching
from celery_ops.metrics.rows import host
from tests.metrics.test_counting import count, flush
from tests.ops.backends import Workers, worker


@pytest.fixture(autouse=True)
def _flower(stubs, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_NAMES": "flower"}


def test_events_and_runtimes_are_told_by_task(samples):
    for queue in ("mail", "slow"):
        count(Total.SENT, queue=queue)
        count(Total.STARTED, 0.1, queue=queue)
        count(Total.SUCCESS, 0.3, queue=queue)
    flush()
    values = samples()
    mail = (("task", "shop.mail"), ("worker", ""))
    assert {name for name, *_ in values} == {
        "flower_events_total",
        *(f"flower_task_runtime_seconds_{part}" for part in ("bucket", "count", "sum")),
    }
    assert {
        dict(labels)["type"]: value for (name, *labels), value in values.items() if name == "flower_events_total"
    } == {"task-sent": 2, "task-started": 2, "task-succeeded": 2}
    assert values[("flower_task_runtime_seconds_count", *mail)] == 2


def test_a_prefetch_time_is_told_by_task_whatever_its_queue(samples):
    for queue in ("mail", "slow"):
        count(Total.STARTED, 0.1, queue=queue)
    flusher().source(Prefetching).note("", "shop.mail", 0.25)
    flush()
    name = "flower_task_prefetch_time_seconds"
    for query, label in (("", ""), ("?hostname=1", host())):
        values = samples(query)
        assert {key: value for key, value in values.items() if key[0] == name} == {
            (name, ("task", "shop.mail"), ("worker", label)): 0.25
        }


def test_workers_are_told_by_their_whole_names(samples):
    Workers.hold(worker("a@pod", active=2, reserved=3), worker("b@pod", state=info.GONE, active=None, reserved=None))
    assert samples() == {
        ("flower_worker_online", ("worker", "a@pod")): 1,
        ("flower_worker_online", ("worker", "b@pod")): 0,
        ("flower_worker_number_of_currently_executing_tasks", ("worker", "a@pod")): 2,
        ("flower_worker_prefetched_tasks", ("task", ""), ("worker", "a@pod")): 3,
    }
