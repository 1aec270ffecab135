"""A store that raises anything: nothing of it reaches the host.

``TEST_FAULTS`` is how many faults are injected in all; ``make chaos`` has a hundred thousand.
"""

import os
import random

import pytest

from celery_ops import tasks_for, tasks_for_many
from celery_ops.exceptions import StoreUnavailable
from celery_ops.tracking import counters
from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.memory import MemoryStore
from tests.conftest import broker
from tests.shop import tasks
from tests.shop.models import Order

#: Injected by each of the five tests that count what comes of them one by one.
FAULTS = int(os.environ.get("TEST_FAULTS", "5000")) // 5
RAISED = (
    AttributeError,
    ConnectionResetError,
    KeyError,
    MemoryError,
    OSError,
    RecursionError,
    RuntimeError,
    StoreUnavailable,
    TimeoutError,
    TypeError,
    ValueError,
)


class HostileStore(MemoryStore):
    """Fails two calls of three."""

    injected = 0
    chance = random.Random(7)

    def _maybe_fail(self):
        if self.chance.random() < 2 / 3:
            type(self).injected += 1
            raise self.chance.choice(RAISED)("injected")


def _hostile(name):
    def method(self, *args, **kwargs):
        self._maybe_fail()
        return getattr(MemoryStore, name)(self, *args, **kwargs)

    return method


for name in ("write", "read", "look_up", "beat", "ping"):
    setattr(HostileStore, name, _hostile(name))


@pytest.fixture
def hostile(settings, monkeypatch):
    """Faults, and no cool-down between them."""
    monkeypatch.setattr("celery_ops.tracking.recording.breaker.COOL_DOWN", 0.0)
    settings.CELERY_OPS = {"STORE": HostileStore}
    HostileStore.injected = 0
    with broker("memory://"):
        yield HostileStore


def until(hostile, count, call):
    """Call until that many faults were injected, and return what came back."""
    answers = []
    while hostile.injected < count:
        answers.append(call())
    return answers


def test_faults_do_not_reach_who_sends(hostile):
    results = until(hostile, FAULTS, lambda: tasks.noop.delay(1))
    assert all(result.id for result in results)


def test_faults_do_not_reach_a_task(hostile, eager):
    results = until(hostile, FAULTS, lambda: tasks.long.delay(1, steps=3, pause=0))
    assert {result.get() for result in results} == {3}


def test_faults_do_not_change_how_a_task_fails(hostile, eager):
    results = until(hostile, FAULTS, lambda: tasks.fails.delay(1))
    assert {repr(result.result) for result in results} == {"ValueError('the card was refused')"}


def test_faults_do_not_reach_who_reads_one_object(hostile):
    assert all(tasks == [] for tasks in until(hostile, FAULTS, lambda: tasks_for(Order(pk=1))))


def test_faults_do_not_reach_who_reads_many_objects(hostile):
    orders = [Order(pk=1), Order(pk=2)]
    assert all(
        found == {order: [] for order in orders} for found in until(hostile, FAULTS, lambda: tasks_for_many(orders))
    )


def test_every_event_is_written_kept_or_lost_though_the_store_raises_anything(hostile):
    sent = len(until(hostile, FAULTS, lambda: tasks.noop.delay(1)))
    recorder = recorder_module.recorder()
    with recorder.guarded.trying:  # while the timer writes, what it took is neither kept nor written
        counts = counters.counts()
        assert counts["written"] + counts["lost"] + recorder.kept == sent


def test_every_event_that_was_handed_over_is_written_kept_or_lost_though_the_store_raises_anything(
    hostile, monkeypatch
):
    monkeypatch.setattr(hostile, "is_at_hand", False)
    recorder = recorder_module.recorder()
    for number in range(600):
        tasks.noop.delay(1)
        if not number % 5:
            recorder.flush()
    recorder.pause()
    with recorder.guarded.trying:
        counts = counters.counts()
        assert counts["written"] + counts["lost"] + recorder.kept == 600
        assert hostile.injected > 50
