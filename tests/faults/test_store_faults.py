"""The store goes away in every way that it can; the host's tasks are sent and run all the same."""

import contextlib
import logging

import pytest
import redis

from celery_ops import tasks_for
from celery_ops.task_logs.reading import read_log
from celery_ops.tracking import counters
from celery_ops.tracking import recorder as recorder_module
from celery_ops.tracking.recording import events
from celery_ops.tracking.redis import RedisStore
from celery_ops.tracking.refs import ObjectRef
from tests.servers import PATIENCE, wait_for
from tests.shop import tasks
from tests.worker.conftest import reached

from .conftest import NOWHERE, STORE_TIMEOUT, seconds_of


def lock(server):
    with contextlib.closing(redis.Redis(port=server.port, single_connection_client=True)) as client:
        client.config_set("requirepass", "secret")
        client.client_kill_filter(_type="normal", skipme=True)


def unlock(server):
    with contextlib.closing(redis.Redis(port=server.port, password="secret")) as client:
        client.config_set("requirepass", "")


FAULTS = {
    "refused": (lambda server: server.kill(), lambda server: server.start()),
    "frozen": (lambda server: server.freeze(), lambda server: server.thaw()),
    "full": (
        lambda server: server.tell("CONFIG", "SET", "maxmemory", 1),
        lambda server: server.tell("CONFIG", "SET", "maxmemory", 0),
    ),
    "read-only": (
        lambda server: server.tell("REPLICAOF", "127.0.0.1", 1),
        lambda server: server.tell("REPLICAOF", "NO", "ONE"),
    ),
    "locked": (lock, unlock),
}


class Fault:
    def __init__(self, name, server):
        self.name, self.server = name, server

    def begin(self):
        FAULTS[self.name][0](self.server)

    def end(self):
        FAULTS[self.name][1](self.server)


@pytest.fixture(params=FAULTS)
def fault(request, site, store_server):
    """A fault of a store that was well, and to which this process is connected."""
    recorder_module.recorder().store.ping()
    return Fault(request.param, store_server)


def test_a_task_is_sent_and_runs(fault, patient_worker, order):
    fault.begin()
    assert tasks.process_payment.delay(order.pk).get(PATIENCE) == {"order": order.pk}


def test_sending_never_waits_for_the_store(fault, order):
    fault.begin()
    assert seconds_of(send, [order], 60) < STORE_TIMEOUT


def test_an_outage_is_logged_once(fault, order, caplog):
    fault.begin()
    with caplog.at_level(logging.INFO, "celery_ops.tracking"):
        for _ in range(5):
            tasks.noop.apply_async((order.pk,), queue=NOWHERE)
        recorder_module.recorder().flush(PATIENCE)
    assert [record.message.split(" (")[0] for record in caplog.records] == ["The tracking store is away"]


def test_an_outage_and_its_events_are_counted(fault, order):
    before = counters.counts()
    fault.begin()
    for _ in range(5):
        tasks.noop.apply_async((order.pk,), queue=NOWHERE)
    recorder_module.recorder().flush(PATIENCE)
    after = counters.counts()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "outages": 1,
        "kept": 5,
    }


def test_reading_raises_nothing(fault, order):
    fault.begin()
    assert tasks_for(order) == []


def test_what_happened_meanwhile_is_told_when_it_is_over(fault, patient_worker, soon, order):
    fault.begin()
    result = tasks.process_payment.delay(order.pk)
    result.get(PATIENCE)
    fault.end()
    task = reached(order, "SUCCESS")
    assert (task.id, task.worker, task.published_at <= task.started_at <= task.finished_at) == (
        result.id,
        patient_worker.hostname,
        True,
    )


@pytest.mark.parametrize("fault", ["frozen"], indirect=True)
def test_a_task_logs_on_while_the_store_hangs_and_its_lines_come_afterwards(fault, patient_worker, soon, order):
    fault.begin()
    result = tasks.says.delay(order.pk, "many", number=50_000)
    result.get(PATIENCE)
    fault.end()
    reached(order, "SUCCESS")
    log = read_log(result.id)
    assert [(line.n, line.message) for line in (log.lines[0], log.lines[-1])] == [
        (1, "line 1 of 50000"),
        (50_000, "line 50000 of 50000"),
    ]


def test_no_key_stays_for_ever_after_it(fault, patient_worker, soon, store_server, order):
    tasks.process_payment.delay(order.pk)
    fault.begin()
    tasks.fails.delay(order.pk)
    fault.end()
    reached(order, "FAILURE")
    assert store_server.keys_without_ttl() == []


# -- during one task


def test_a_running_task_is_told_whole_after_the_store_was_flushed(site, patient_worker, store_server, order, pace):
    result = tasks.paced.delay(order.pk, pace.file)
    before = reached(order, "STARTED")
    store_server.tell("FLUSHALL")
    pace.to(10)
    task = reached(order, "SUCCESS")
    assert (task.id, task.name, task.published_at, task.received_at, task.started_at, task.worker) == (
        result.id,
        before.name,
        before.published_at,
        before.received_at,
        before.started_at,
        before.worker,
    )


def test_progress_alone_brings_a_flushed_task_back(site, patient_worker, store_server, order, pace):
    tasks.paced.delay(order.pk, pace.file)
    before = reached(order, "STARTED")
    store_server.tell("FLUSHALL")
    assert reached(order, "STARTED").published_at == before.published_at


def test_a_running_task_is_told_whole_after_the_store_was_restarted(
    site, patient_worker, soon, store_server, order, pace
):
    tasks.paced.delay(order.pk, pace.file)
    before = reached(order, "STARTED")
    store_server.kill()
    store_server.start()
    pace.to(10)
    task = reached(order, "SUCCESS")
    assert (task.name, task.published_at, task.started_at) == (before.name, before.published_at, before.started_at)


def test_no_key_stays_for_ever_after_a_restart(site, patient_worker, soon, store_server, order, pace):
    tasks.paced.delay(order.pk, pace.file)
    reached(order, "STARTED")
    store_server.kill()
    store_server.start()
    pace.to(10)
    reached(order, "SUCCESS")
    assert store_server.keys_without_ttl() == []


# -- a key that is somebody else's


@pytest.fixture
def taken(site, store_server, order):
    """The key of ``order`` holds a string."""
    store = recorder_module.recorder().store
    assert isinstance(store, RedisStore)
    store_server.tell("SET", store._key(ObjectRef.of(order)), "mine")


@pytest.mark.usefixtures("taken")
def test_a_task_runs_though_its_objects_key_is_taken(patient_worker, order):
    assert tasks.process_payment.delay(order.pk).get(PATIENCE) == {"order": order.pk}


@pytest.mark.usefixtures("taken")
def test_a_taken_key_is_counted_and_is_no_outage(order):
    tasks.noop.apply_async((order.pk,), queue=NOWHERE)
    recorder_module.recorder().flush(PATIENCE)
    counts = counters.counts()
    assert (counts["refused"], counts["outages"], counts["kept"]) == (1, 0, 0)


@pytest.mark.usefixtures("taken")
def test_a_taken_key_does_not_touch_other_objects(orders, order):
    tasks.restock.apply_async((orders[0].pk, order.pk), queue=NOWHERE)
    tasks.noop.apply_async((orders[0].pk,), queue=NOWHERE)
    assert [task.name for task in tasks_for(orders[0])] == [tasks.noop.name]


@pytest.mark.usefixtures("taken")
def test_a_taken_key_reads_as_no_tasks(order):
    assert tasks_for(order) == []


# -- many events


@pytest.fixture
def frozen(site, soon, store_server):
    recorder_module.recorder().store.ping()
    store_server.freeze()


def send(orders, count):
    for number in range(count):
        tasks.noop.apply_async((orders[number % len(orders)].pk,), queue=NOWHERE, ignore_result=True)


def found(orders):
    return sum(len(tasks_for(order)) for order in orders)


@pytest.mark.usefixtures("frozen")
def test_no_event_of_a_short_outage_is_lost(store_server, orders):
    send(orders, 500)
    store_server.thaw()
    wait_for(lambda: found(orders) == 500, "every event to be found")


@pytest.mark.usefixtures("frozen")
def test_of_a_long_outage_a_thousand_events_are_kept_and_the_others_counted_as_lost(store_server, orders):
    send(orders, 1250)
    store_server.thaw()
    wait_for(lambda: counters.counts()["written"] + counters.counts()["lost"] >= 1250, "every event to be told")
    kept = 1250 - counters.counts()["lost"]
    assert kept >= 1000
    # And more: the write that was under way when the store froze is given up and may arrive all the same.
    under_way = events.EVENTS_A_WRITE
    wait_for(lambda: kept <= found(orders) <= kept + under_way, "what was not lost to be found")


@pytest.mark.usefixtures("frozen")
def test_the_end_of_an_outage_is_logged_once_with_its_counts(store_server, orders, caplog):
    with caplog.at_level(logging.INFO, "celery_ops.tracking"):
        send(orders, 50)
        recorder_module.recorder().flush(PATIENCE)
        store_server.thaw()
        wait_for(lambda: len(caplog.records) >= 2, "the second line")
    assert caplog.records[1].message == "The tracking store is back. So far 50 events were kept, 0 lost."
