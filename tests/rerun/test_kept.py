"""What tasks that failed were given is kept longer than what their objects know: Friday's run on Monday."""

import re
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from celery_ops import tasks_for, tracking
from celery_ops.exceptions import NotRerunnable, StoreUnavailable
from celery_ops.rerun import rerun
from celery_ops.task_detail.original import original_of, originals_of
from celery_ops.tracking import accounts, index, reading
from celery_ops.tracking.memory import TRIM_ABOVE
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.store import TASK
from tests.celery import app
from tests.conftest import browser_of
from tests.ops.task_backends import Held, a_task, use
from tests.pages import words
from tests.shop import tasks

pytestmark = pytest.mark.django_db

FAILS = "tests.shop.tasks.fails"


def failed(order, message="not today"):
    return tasks.fails.delay(order.pk, message).id


def forget_objects(store):
    """What the store does a day later: nothing was written to these since."""
    for key in [key for key in store._objects if key not in own_places(store)]:
        del store._objects[key], store._expires[key]


def own_places(store):
    """The keys of what is kept of tasks that failed."""
    return [key for key in store._objects if key[-1].label == TASK]


def listed(task_id, *, days=3, **fields):
    """A row of results that is older than what the store keeps of objects."""
    then = timezone.now() - timedelta(days=days)
    known = {"state": "FAILURE", "name": FAILS, "created_at": then, "finished_at": then}
    return a_task(id=task_id, **{**known, **fields})


def test_a_failure_is_run_again_after_its_object_has_forgotten_it(eager, memory_store, order, staff, settings):
    task_id = failed(order, "three days ago")
    forget_objects(memory_store)
    use(settings, Held, listed(task_id))
    assert tasks_for(order) == []
    original = original_of(task_id)
    assert (original.name, original.args, original.kwargs) == (FAILS, [order.pk, "three days ago"], {})
    assert original.refs == (ObjectRef.of(order),)
    assert rerun(task_id, staff).object_id == str(order.pk)


def test_a_list_of_them_too(eager, memory_store, order, settings):
    ids = [failed(order, str(number)) for number in range(3)]
    forget_objects(memory_store)
    found = originals_of([listed(task_id) for task_id in ids])
    assert [(found[task_id].args[1], found[task_id].refs) for task_id in ids] == [
        (str(number), (ObjectRef.of(order),)) for number in range(3)
    ]


def test_its_page_says_to_what_it_belongs_and_offers_it(eager, memory_store, order, superuser, settings):
    task_id = failed(order)
    forget_objects(memory_store)
    use(settings, Held, listed(task_id))
    browser = browser_of(superuser)
    text = words(browser.get(reverse("celery_ops:task-detail", args=[task_id])).text)
    assert re.search(r"Belongs to\s+\S", text)
    assert "Run again" in text
    assert "not kept" not in text


def test_a_busy_object_that_dropped_it_does_not_keep_it_from_being_run_again(eager, memory_store, order):
    task_id = failed(order)
    ref = ObjectRef.of(order)
    recorder().record([(ref, {f"={number}:p": f"{9 * 10**12} x" for number in range(TRIM_ABOVE + 1)})])
    assert not any(task.id == task_id for task in tasks_for(order, limit=None))
    assert original_of(task_id).refs == (ref,)


def test_while_its_object_knows_it_nothing_is_told_twice(eager, order):
    task_id = failed(order)
    assert [ref.label for ref, _task in reading.find_task(task_id)] == ["shop.order"]
    assert [task.id for task in reading.newest_tasks(10)] == [task_id]


def test_the_failures_own_round_trip_carries_it(eager, order, monkeypatch):
    written = []
    monkeypatch.setattr(recorder().store, "write", lambda batch: written.append([ref for ref, _ in batch]) or 0)
    task_id = failed(order)
    assert len(written) == 2  # an eager task is not published
    assert written[-1] == [ObjectRef.of(order), index.own_place(task_id)]


def test_what_succeeds_costs_no_memory_for_it(eager, memory_store, order):
    tasks.noop.delay(order.pk)
    assert own_places(memory_store) == []


def test_a_site_that_keeps_no_arguments_keeps_none_for_longer(eager, memory_store, order, settings):
    settings.CELERY_OPS = {**settings.CELERY_OPS, "ARGS_CAPTURE": "none"}
    failed(order)
    assert own_places(memory_store) == []


# -- the reason, where there is nothing to run it again with -----------------------------------------------------------


def reason(task_id):
    with pytest.raises(NotRerunnable) as caught:
        original_of(task_id)
    return caught.value.reason


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"days": 8}, "not kept for longer than 7 d 0 h (RERUN_RETENTION)"),
        ({"days": 3}, "away or emptied, or the worker runs without celery_ops"),
        ({"days": 3, "state": "SUCCESS"}, "not kept for longer than 1 d 0 h (RETENTION)"),
        ({"days": 3, "state": "SUCCESS", "name": "tests.shop.tasks.untracked"}, "only those are that fail"),
        ({"days": 8, "name": "tests.shop.tasks.untracked"}, "not kept for longer than 7 d 0 h (RERUN_RETENTION)"),
    ],
    ids=["failed long ago", "failed lately", "tracked and well", "nobody's and well", "nobody's, failed long ago"],
)
def test_the_reason_is_the_true_one(fields, expected, settings):
    use(settings, Held, listed("one", **fields))
    assert expected in reason("one")


def test_a_store_that_is_away_is_the_reason(settings, monkeypatch):
    use(settings, Held, listed("one"))

    def away(task_id):
        raise StoreUnavailable("away")

    monkeypatch.setattr(accounts, "read_account", away)
    assert reason("one") == "The tracking store does not answer."


# -- what it was given, though it changed it ---------------------------------------------------------------------------


@pytest.fixture
def uses_up():
    """A task that changes what it was given, and that only these tests have in the app."""

    @app.task(name="tests.rerun.uses_up", shared=False, lazy=False)
    def uses_up(items, names):
        while items:
            items.pop()
        names["more"] = 1
        raise ValueError("all used up")

    yield uses_up
    del app.tasks[uses_up.name]


def test_a_task_that_uses_up_its_list_is_run_again_with_the_whole_list(uses_up, eager, memory_store, order):
    with tracking(order):
        task_id = uses_up.delay([1, [2]], {"a": "b"}).id
    forget_objects(memory_store)
    assert original_of(task_id).args == [[1, [2]], {"a": "b"}]


def test_dates_among_them_do_no_harm(uses_up, eager, memory_store, order):
    with tracking(order):
        task_id = uses_up.delay([], {"day": date(2026, 1, 31)}).id
    assert original_of(task_id).args[0] == []
