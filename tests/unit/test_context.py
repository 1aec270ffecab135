"""``with tracking(obj):`` around a publish, and ``set_progress`` inside a task."""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction

import pytest
from billiard.exceptions import SoftTimeLimitExceeded

from celery_ops import Progress, set_progress, tasks_for, tracking
from celery_ops.tracking import counters
from celery_ops.tracking import progress as progress_module
from celery_ops.tracking.context import bound_objects
from celery_ops.tracking.memory import MemoryStore
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.celery import app
from tests.shop.models import Express, Order, Warehouse

ORDER, WAREHOUSE = Order(pk=1), Warehouse(pk=2)


def names(*objects):
    return tuple(ObjectRef.of(obj) for obj in objects)


# -- tracking ---------------------------------------------------------------------------------------------------------


def test_tracking_binds_inside_the_block():
    with tracking(ORDER):
        assert bound_objects() == names(ORDER)


def test_tracking_binds_nothing_after_the_block():
    with tracking(ORDER):
        pass
    assert bound_objects() == ()


def test_tracking_binds_nothing_after_a_block_that_raised():
    with pytest.raises(KeyError), tracking(ORDER):
        raise KeyError
    assert bound_objects() == ()


def test_tracking_takes_several_objects():
    with tracking(ORDER, WAREHOUSE):
        assert bound_objects() == names(ORDER, WAREHOUSE)


def test_blocks_nest_and_add_up():
    with tracking(ORDER), tracking(WAREHOUSE):
        assert bound_objects() == names(ORDER, WAREHOUSE)


def test_a_block_in_an_asynchronous_generator_may_end_in_another_task_than_it_began_in():
    """As where a visitor hangs up on a streamed response."""

    async def rows():
        with tracking(ORDER):
            yield bound_objects()

    async def hung_up():
        generator = rows()
        bound = await anext(generator)
        await asyncio.create_task(generator.aclose())
        return bound

    with ThreadPoolExecutor(1) as another_thread:  # Playwright may have a loop in this one
        assert another_thread.submit(lambda: asyncio.run(hung_up())).result() == names(ORDER)


def test_a_proxy_is_bound_as_its_concrete_model():
    with tracking(Express(pk=1)):
        assert bound_objects() == names(ORDER)


def test_another_thread_has_blocks_of_its_own():
    seen = []
    with tracking(ORDER):
        thread = threading.Thread(target=lambda: contextvars.Context().run(lambda: seen.append(bound_objects())))
        thread.start()
        thread.join()
    assert seen == [()]


@pytest.mark.parametrize("value", [None, 1, "shop.Order", Order, [ORDER]], ids=str)
def test_what_is_no_object_is_refused(value):
    with pytest.raises(TypeError, match="model instance"), tracking(value):
        pass


def test_an_object_that_is_not_saved_is_refused():
    with pytest.raises(ValueError, match="primary key"), tracking(Order()):
        pass


# -- set_progress -----------------------------------------------------------------------------------------------------


class CountingStore(MemoryStore):
    writes = 0

    def write(self, batch):
        self.writes += 1
        return super().write(batch)


@pytest.fixture
def store(memory_store):
    recorder().store = CountingStore()
    return recorder().store


@pytest.fixture
def inside(store, settings):
    """Run a function inside a tracked task of ``ORDER``."""
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": {"here.inside": {"model": "shop.Order"}}}

    @app.task(name="here.inside", shared=False)
    def task(order_id, function):
        return function()

    yield lambda function: task.apply((ORDER.pk, function)).get()
    del app.tasks["here.inside"]


def progress():
    return tasks_for(ORDER)[0].progress


def test_progress_is_seen_while_the_task_runs(inside):
    seen = []

    def work():
        set_progress(3, 10, "three")
        seen.append(progress())

    inside(work)
    assert seen == [Progress(3, 10, "three")]


def test_the_last_progress_is_kept_when_the_task_ends(inside):
    inside(lambda: [set_progress(step, 100) for step in range(101)])
    assert progress() == Progress(100, 100)


def test_progress_is_written_once_every_half_second(inside, store, monkeypatch):
    monkeypatch.setattr(progress_module, "PROGRESS_EVERY", 60)
    inside(lambda: [set_progress(step, 100) for step in range(101)])
    assert store.writes == 3  # started, the first progress, ended with the last


def test_progress_is_written_again_after_half_a_second(inside, store, monkeypatch):
    monkeypatch.setattr(progress_module, "PROGRESS_EVERY", 0)
    inside(lambda: [set_progress(step, 10) for step in range(10)])
    assert store.writes == 12


def test_progress_that_was_held_back_is_told_when_the_task_fails(inside):
    def work():
        set_progress(1, 10)
        set_progress(2, 10)
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        inside(work)
    assert progress() == Progress(2, 10)


@pytest.mark.parametrize(
    ("current", "total"),
    [(0, 0), (-1, 10), (11, 10), (0.5, 1), (True, 1), (Fraction(1, 2), 1), (Decimal(5), 9), (10**15 - 1, 10**15 - 1)],
)
def test_any_finite_numbers_are_kept(inside, current, total):
    inside(lambda: set_progress(current, total))
    assert progress() == Progress(float(current), float(total))


@pytest.mark.parametrize(
    ("current", "total"),
    [
        (float("nan"), 1),
        (1, float("inf")),
        ("1", 2),
        (1, None),
        (1j, 2),
        (10**400, 1),
        ([], {}),
        (Decimal("NaN"), 1),
    ],
    ids=lambda value: f"{value!r:.12}",
)
def test_anything_else_is_left_out_counted_and_never_raised(inside, current, total):
    inside(lambda: set_progress(current, total))
    assert (progress(), counters.counts()["errors"]) == (None, 1)


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("", ""),
        ("x" * 500, "x" * 200),
        ("two words", "two words"),
        (5, "5"),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("password=hunter22", "password=[redacted]"),
    ],
    ids=ascii,
)
def test_a_message_is_kept_short_clean_and_without_secrets(inside, message, kept):
    inside(lambda: set_progress(1, 2, message))
    assert progress().message == kept


class Unprintable:
    def __str__(self):
        raise RuntimeError("no")


def test_a_message_that_cannot_be_had_never_raises(inside):
    inside(lambda: set_progress(1, 2, Unprintable()))
    assert counters.counts()["errors"] == 1


class Limited:
    def __str__(self):
        raise SoftTimeLimitExceeded


def test_a_soft_time_limit_passes_through_to_the_task(inside):
    with pytest.raises(SoftTimeLimitExceeded):
        inside(lambda: set_progress(1, 2, Limited()))


def test_outside_a_task_progress_does_nothing(store):
    set_progress(1, 2)
    assert (store.writes, counters.counts()["errors"]) == (0, 0)


def test_inside_an_untracked_task_progress_does_nothing(store):
    @app.task(name="here.untracked", shared=False)
    def task():
        set_progress(1, 2)

    try:
        task.apply(throw=True)
    finally:
        del app.tasks["here.untracked"]
    assert (store.writes, counters.counts()["errors"]) == (0, 0)
