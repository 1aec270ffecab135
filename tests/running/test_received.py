"""What a real worker receives for what a person types: one worker, a task for each annotation."""

import pytest
import redis
from celery.result import AsyncResult
from django.utils import timezone
from django_celery_results.models import TaskResult

from celery_ops.models import TaskRunRecord
from celery_ops.running.launcher import Run, launch
from tests.celery import app
from tests.servers import PATIENCE, wait_for
from tests.shop.models import Item, Order, Page

from .typed import ID, RECEIVED, form, runnable

#: Task, everything that is typed, and the repr of all that the worker got.
WHOLE = [
    ("defaults", {}, "['x', 3, True, <Colour.BLUE: 'blue'>, None]"),
    ("defaults", {"arg-flag": "no", "arg-colour": "RED"}, "['x', 3, False, 'red', None]"),
    (
        "every_form",
        {"arg-first": "1", "arg-second": "2026-01-31", "arg-task": "7"},
        "[1, datetime.date(2026, 1, 31), (), False, 7, {}]",
    ),
    (
        "every_form",
        {"arg-first": "1", "arg-second": "2026-01-31", "arg-rest": "[2]", "arg-others": '{"third": 3}'},
        "[1, datetime.date(2026, 1, 31), (2,), False, 0, {'third': 3}]",
    ),
    (
        "every_form",
        {"json-args": '[1, "2026-01-31", "x"]', "json-kwargs": '{"named": true, "a": null}'},
        "[1, datetime.date(2026, 1, 31), ('x',), True, 0, {'a': None}]",
    ),
]


def send(name, data):
    """Send what is typed as the run page does, and return the result to wait for."""
    asked = form(name, data)
    assert asked.is_valid(), (name, asked.errors)
    task = runnable(name)
    run = Run(task.name, task.task, asked.args, asked.kwargs, asked.send_options)
    return AsyncResult(launch(run, None).task_id, app=app)


SECRET = "correct-horse-battery"


@pytest.mark.django_db(transaction=True)
def test_a_worker_receives_what_was_typed_in_its_own_type_and_a_secret_is_in_its_message_alone(
    make_worker, redis_store, redis_server, loaded_tasks, caplog
):
    caplog.set_level("DEBUG")
    worker = make_worker(None, "-c", "1", "-P", "solo", "-l", "DEBUG")
    Order.objects.create(pk=71)
    Item.objects.create(pk=ID)
    Page.objects.create(path="/a b/")
    with timezone.override("UTC"):
        sent = [send(name, {"arg-value": typed}) for name, typed, _type, _repr in RECEIVED]
        whole = [send(name, data) for name, data, _repr in WHOLE]
    secret = send("secrets", {"arg-card": SECRET, "arg-note": "seen"})
    wait_for(lambda: all(each.ready() for each in [*sent, *whole, secret]), "every task", PATIENCE)
    told = [(row[0], row[1], *each.get()) for row, each in zip(RECEIVED, sent, strict=True)]
    assert told == RECEIVED
    assert [each.get()[1] for each in whole] == [row[2] for row in WHOLE]
    with redis.Redis(port=redis_server.port, db=1) as store:
        stored = [store.hgetall(key) for key in store.scan_iter(_type="hash")]
    written = {
        "the journal": [*TaskRunRecord.objects.values()],
        "the results": [*TaskResult.objects.values()],
        "the store": stored,
        "our log": caplog.text,
        "the worker's log": worker.log.read_text(),
    }
    assert "seen" in str(written["the results"])
    assert [where for where, what in written.items() if SECRET in str(what)] == []
