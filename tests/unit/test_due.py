"""When a task is to run and how urgent it is, kept of messages that say either."""

from datetime import datetime, timezone

import pytest

from celery_ops import tasks_for
from celery_ops.tracking import facts
from celery_ops.tracking.due import DJANGO_PRIORITY, Due, due_of, text_of
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from tests.conftest import broker
from tests.shop import tasks
from tests.shop.models import Order

NOON = datetime(2026, 3, 14, 12, tzinfo=timezone.utc)
NOON_MS = int(NOON.timestamp() * 1000)
ORDER = Order(pk=7)


@pytest.mark.parametrize(
    ("headers", "properties", "due"),
    [
        ({"eta": NOON.isoformat()}, {}, Due(NOON_MS)),
        ({"eta": "2026-03-14T13:00:00+01:00"}, {}, Due(NOON_MS)),
        ({"eta": "2026-03-14T12:00:00"}, {}, Due(NOON_MS)),
        ({"eta": NOON}, {}, Due(NOON_MS)),
        ({"eta": None}, {"priority": 0}, Due(None, 0)),
        ({}, {"priority": 255}, Due(None, 255)),
        ({DJANGO_PRIORITY: -100}, {"priority": 0}, Due(None, 0, -100)),
        ({DJANGO_PRIORITY: 10**9, "eta": NOON}, {"priority": "9"}, Due(NOON_MS)),
    ],
)
def test_what_a_message_says_comes_back(headers, properties, due):
    assert due_of(text_of(headers, properties)) == due


@pytest.mark.parametrize(
    ("headers", "properties"),
    [
        ({}, {}),
        ({"eta": None}, {"priority": None}),
        ({}, None),
        ({"eta": "noon"}, {}),
        ({"eta": 5}, {"priority": True}),
    ],
)
def test_of_a_message_that_says_nothing_nothing_is_kept(headers, properties):
    assert text_of(headers, properties) == ""


@pytest.mark.parametrize("text", [None, "", "1", "1 2", "1 2 3 4", "x y z", "- 999 -", "- - 101"])
def test_what_is_not_ours_is_unknown(text):
    assert due_of(text) == Due()


@pytest.fixture
def kept(memory_store):
    """The kinds of facts that are kept of the order's tasks."""

    def kinds():
        recorder().flush()
        (stored,) = recorder().store.read([ObjectRef.of(ORDER)])
        return {facts.FIELD.fullmatch(name)[2] for name in stored}

    with broker("memory://"):
        yield kinds


def test_an_ordinary_task_costs_no_field(kept):
    tasks.noop.delay(ORDER.pk)
    assert facts.DUE not in kept()
    assert (tasks_for(ORDER)[0].eta, tasks_for(ORDER)[0].priority) == (None, None)


def test_a_task_with_an_eta_and_a_priority_tells_them(kept):
    tasks.noop.apply_async((ORDER.pk,), eta=NOON, priority=7)
    assert facts.DUE in kept()
    assert (tasks_for(ORDER)[0].eta, tasks_for(ORDER)[0].priority) == (NOON, 7)
