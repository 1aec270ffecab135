"""What an earlier snapshot left in Redis, where each fact had a field of its own, is read as it was, byte for byte."""

import contextlib
import json
from datetime import datetime, timedelta, timezone

import pytest
import redis

from celery_ops.tracking import facts
from celery_ops.tracking.accounts import read_kept_of_many, read_payload
from celery_ops.tracking.capture import kept_arguments
from celery_ops.tracking.reading import find_task, read_tasks
from celery_ops.tracking.recorder import recorder
from celery_ops.tracking.refs import ObjectRef
from celery_ops.tracking.runs import Execution
from celery_ops.tracking.stamp import Stamp

ORDER = ObjectRef("shop.order", "10432")
AT = 1_900_000_000_000  # ahead, or the tasks would be too old to be kept
NAME, POD = "shop.tasks.charge_card", "celery@worker-6d8f9c7b5d-x2k4q"
LONG_NAME = "company.department.orders.tasks.charge_the_card_of_an_order"
LONG_HOST = "celery@a-worker-with-a-name-that-is-long.example.com"
ERROR = "PaymentError: the bank did not answer within thirty seconds, and nor did its twin"
TRACEBACK = 'Traceback (most recent call last):\n  File "tasks.py", line 3, in charge_card\nPaymentError: …'

SHORT = {
    # one that succeeded
    "Dm96HAAAQACAAAAAAAAAAQppne-": "144952 shop.tasks.charge_card",
    "Dm96HAAAQACAAAAAAAAAAQapne-": '={"args": [10432], "kwargs": {"currency": "EUR"}}',
    "Dm96HAAAQACAAAAAAAAAAQspne-aa": "15 12 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAAAQSpne-aa": "452",
    "Dm96HAAAQACAAAAAAAAAAQopne-aa": '{"charged": "49.90"}',
    # one that failed
    "Dm96HAAAQACAAAAAAAAAAgppng7": "144952 shop.tasks.charge_card",
    "Dm96HAAAQACAAAAAAAAAAgapng7": "~",
    "Dm96HAAAQACAAAAAAAAAAgspng7aa": "15 12 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAAAgepng7aa": "~",
    "Dm96HAAAQACAAAAAAAAAAgbpng7aa": "~",
    "Dm96HAAAQACAAAAAAAAAAgFpng7aa": "460",
    # one that was tried again
    "Dm96HAAAQACAAAAAAAAAAwppni4": "144952 shop.tasks.charge_card",
    "Dm96HAAAQACAAAAAAAAAAwapni4": '={"args": [10432], "kwargs": {}}',
    "Dm96HAAAQACAAAAAAAAAAwspni4aa": "15 12 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAAAwepni4aa": "ConnectionError: no answer",
    "Dm96HAAAQACAAAAAAAAAAwtpni4aa": "30",
    "Dm96HAAAQACAAAAAAAAAAws1pni4bb": "5000 4997 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAAAwg1pni4bb": "3 10 three of ten",
    "Dm96HAAAQACAAAAAAAAAAwS1pni4bb": "6000",
    "Dm96HAAAQACAAAAAAAAAAwo1pni4bb": "true",
    # one with long names, that runs
    "Dm96HAAAQACAAAAAAAAABAppnk1": "144952",
    "Dm96HAAAQACAAAAAAAAABAnpnk1": LONG_NAME,
    "Dm96HAAAQACAAAAAAAAABAapnk1": '={"args": [10432], "kwargs": {}}',
    "Dm96HAAAQACAAAAAAAAABAspnk1aa": "15 12 celery@a-worker-with-a-~35bcf6c39bce",
    "Dm96HAAAQACAAAAAAAAABAhpnk1aa": LONG_HOST,
    # one that was replaced
    "Dm96HAAAQACAAAAAAAAABQppnmy": "144952",
    "Dm96HAAAQACAAAAAAAAABQn1pnmy": "shop.tasks.charge_again",
    "Dm96HAAAQACAAAAAAAAABQapnmy": '={"args": [10432], "kwargs": {}}',
    "Dm96HAAAQACAAAAAAAAABQa1pnmy": '={"args": [10432, 2], "kwargs": {}}',
    "Dm96HAAAQACAAAAAAAAABQspnmyaa": "15 12 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAABQspnmycc": "90 87 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAABQSpnmycc": "120",
    # one that another launched, that waits
    "Dm96HAAAQACAAAAAAAAABgppnov": "144952 shop.tasks.charge_card",
    "Dm96HAAAQACAAAAAAAAABgapnov": '={"args": [10432], "kwargs": {}}',
    "Dm96HAAAQACAAAAAAAAABgupnov": "Dm96HAAAQACAAAAAAAAABQ",
    "Dm96HAAAQACAAAAAAAAABgypnov": "Dm96HAAAQACAAAAAAAAAAg",
    "Dm96HAAAQACAAAAAAAAABgx": "1900000007000",
    # one that was delivered twice
    "Dm96HAAAQACAAAAAAAAABwppnqs": "144952 shop.tasks.charge_card",
    "Dm96HAAAQACAAAAAAAAABwapnqs": '={"args": [10432], "kwargs": {}}',
    "Dm96HAAAQACAAAAAAAAABwspnqsaa": "15 12 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAABwspnqsbb": "80 77 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAABwSpnqsbb": "130",
    # one whose publish nobody timed
    "Dm96HAAAQACAAAAAAAAACApz---": "- shop.tasks.charge_card",
    "Dm96HAAAQACAAAAAAAAACAsz---aa": "1900000008015 1900000008012 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAACASz---aa": "1900000008500",
}
ARGUMENTS = json.dumps({"args": [10432, "é" * 40], "kwargs": {"note": "x" * 60}}, ensure_ascii=False)
LONG = {
    "Dm96HAAAQACAAAAAAAAAAgapng7": f"={ARGUMENTS}",
    "Dm96HAAAQACAAAAAAAAAAgepng7aa": ERROR,
    "Dm96HAAAQACAAAAAAAAAAgbpng7aa": TRACEBACK,
}
OWN_PLACE = {
    "Dm96HAAAQACAAAAAAAAAAgppng7": "144952 shop.tasks.charge_card",
    "Dm96HAAAQACAAAAAAAAAAgapng7": "~",
    "Dm96HAAAQACAAAAAAAAAAgspng7aa": "15 12 celery@worker-6d8f9c7b5d-x2k4q",
    "Dm96HAAAQACAAAAAAAAAAgepng7aa": "~",
    "Dm96HAAAQACAAAAAAAAAAgFpng7aa": "460",
    "Dm96HAAAQACAAAAAAAAAAgkpng7": "shop.order 10432",
}


def id_of(number):
    return f"0e6f7a1c-0000-4000-8000-{number:012x}"


@pytest.fixture
def left(redis_store, redis_server, settings):
    """An earlier snapshot's bytes."""
    prefix = settings.CELERY_OPS["STORE_PREFIX"]
    own = f"{prefix}:{{~task:{id_of(2)}}}"
    keys = {
        f"{prefix}:{{shop.order:10432}}": SHORT,
        f"{prefix}:{{shop.order:10432}}:long": LONG,
        own: OWN_PLACE,
        f"{own}:long": {name: value for name, value in LONG.items() if name[22] != "b"},
    }
    with contextlib.closing(redis.Redis(port=redis_server.port, db=1)) as client:
        for key, fields in keys.items():
            client.hset(key, mapping=fields)
            client.expire(key, 600)


def moments(number, *offsets):
    start = datetime.fromtimestamp(AT / 1000, timezone.utc) + timedelta(seconds=number)
    return tuple(None if offset is None else start + timedelta(milliseconds=offset) for offset in offsets)


def tasks():
    return {int(task.id[-1], 16): task for task in read_tasks([ORDER])[0]}


@pytest.mark.parametrize(
    ("number", "name", "state", "attempts", "executions", "worker", "times"),
    [
        (1, NAME, "SUCCESS", 1, 1, POD, (0, 12, 15, 452)),
        (2, NAME, "FAILURE", 1, 1, POD, (0, 12, 15, 460)),
        (3, NAME, "SUCCESS", 2, 1, POD, (0, 4997, 5000, 6000)),
        (4, LONG_NAME, "STARTED", 1, 1, LONG_HOST, (0, 12, 15, None)),
        (5, "shop.tasks.charge_again", "SUCCESS", 1, 2, POD, (0, 87, 90, 120)),
        (6, NAME, "PENDING", 1, 0, None, (0, None, None, None)),
        (7, NAME, "SUCCESS", 1, 2, POD, (0, 77, 80, 130)),
        (8, NAME, "SUCCESS", 1, 1, POD, (None, 12, 15, 500)),
    ],
)
def test_a_task_is_what_it_was(left, number, name, state, attempts, executions, worker, times):
    task = tasks()[number]
    assert (task.name, task.state, task.attempts, task.executions) == (name, state, attempts, executions)
    assert task.worker == worker
    assert (task.published_at, task.received_at, task.started_at, task.finished_at) == moments(number, *times)


def test_its_errors_progress_and_relations_are_what_they_were(left):
    read = tasks()
    assert (read[2].error, read[3].error, read[3].progress.message) == (ERROR, None, "three of ten")
    assert (read[6].parent_id, read[6].retry_of) == (id_of(5), id_of(2))
    assert (read[6].revoke_requested_at,) == moments(7, 0)


@pytest.mark.parametrize(
    ("number", "args", "kwargs", "result"),
    [
        (1, [10432], {"currency": "EUR"}, '{"charged": "49.90"}'),
        (2, [10432, "é" * 40], {"note": "x" * 60}, None),
        (3, [10432], {}, "true"),
        (5, [10432, 2], {}, None),
        (6, [10432], {}, None),
    ],
)
def test_what_a_task_was_given_and_answered_is_what_it_was(left, number, args, kwargs, result):
    payload = read_payload(ORDER, id_of(number))
    assert (json.loads(payload.args), payload.result) == ({"args": args, "kwargs": kwargs}, result)


def test_a_failure_can_be_run_again(left):
    kept = read_kept_of_many({id_of(2): None})[id_of(2)]
    assert (kept.name, kept.state, kept.refs) == (NAME, "FAILURE", (ORDER,))
    assert kept_arguments(kept.arguments) == ([10432, "é" * 40], {"note": "x" * 60})
    ((place, task),) = find_task(id_of(2))
    assert (place.label, task.error) == ("~task", ERROR)


def test_a_worker_of_today_goes_on_with_what_was_published_then(left):
    run = Execution(id_of(6), NAME, 0, Stamp((ORDER,), (), AT + 6000), delivery="dd")
    for kind, value in facts.started(AT + 8000, AT + 7990, POD, AT + 6000).items():
        run.note(kind, value)
    recorder().record(run.batch())
    run.note(facts.RESULT, "7")
    run.note(facts.ENDED["SUCCESS"], "2500")
    recorder().record(run.batch())
    task, payload = tasks()[6], read_payload(ORDER, id_of(6))
    assert (task.state, task.worker, task.parent_id, payload.result) == ("SUCCESS", POD, id_of(5), "7")
    assert (task.published_at, task.started_at, task.finished_at) == moments(6, 0, 2000, 2500)
    assert json.loads(payload.args) == {"args": [10432], "kwargs": {}}
