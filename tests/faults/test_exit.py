"""What is kept for a store that is away is written before its process ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid

import pytest

from celery_ops import tasks_for, tasks_for_many
from celery_ops.tracking.recorder import EXIT_PATIENCE
from tests.servers import PATIENCE, Worker, wait_for
from tests.shop import tasks

from .conftest import NOWHERE

TASKS = 200
#: Fewer where each five of them cost a process.
SHORT = 60

PUBLISHER = f"""
import sys, django
django.setup()
from celery_ops.tracking import recorder
recorder.EXIT_PATIENCE = {PATIENCE}
from tests.shop.tasks import noop
pks = [int(pk) for pk in sys.argv[1].split(",")]
noop.apply_async((pks[0],), queue={NOWHERE!r})
print("connected", flush=True)
sys.stdin.readline()
for number in range({TASKS}):
    noop.apply_async((pks[number % len(pks)],), queue={NOWHERE!r})
print("sent", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def start_worker(site):
    """Start workers with the real cool-downs, and unless said otherwise more time to end than a busy machine needs."""
    workers = []

    def start(*options, patience=PATIENCE):
        name = f"brief-{uuid.uuid4().hex[:6]}@test"
        hurry = {"celery_ops.tracking.recorder.EXIT_PATIENCE": patience}
        environment = {**site.environment, "TEST_HURRY": json.dumps(hurry)}
        workers.append(Worker(name, environment, "-Q", name, *options, app="tests.quick_app"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


def fill(server):
    """It answers and keeps what it has, and takes no more."""
    server.tell("CONFIG", "SET", "maxmemory", 1)


def empty(server):
    server.tell("CONFIG", "SET", "maxmemory", 0)


def states(orders):
    return [task.state for tasks_ in tasks_for_many(orders, limit=None).values() for task in tasks_]


def test_a_publisher_that_ends_normally_loses_no_event(site, store_server, orders):
    environment = {**os.environ, **site.environment, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", PUBLISHER, ",".join(str(order.pk) for order in orders)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "connected\n"
        fill(store_server)
        process.stdin.write("send\n")
        process.stdin.flush()
        assert process.stdout.readline() == "sent\n"
        empty(store_server)
        process.communicate("end\n", timeout=PATIENCE)
    assert process.returncode == 0
    assert states(orders) == ["PENDING"] * (TASKS + 1)


def run_all(worker, orders, count=TASKS):
    results = [
        tasks.noop.apply_async((orders[number % len(orders)].pk,), queue=worker.hostname) for number in range(count)
    ]
    return lambda: [result.get(PATIENCE) for result in results]


def test_a_worker_that_is_told_to_end_loses_no_event(store_server, start_worker, soon, orders):
    worker = start_worker("-c", "2")
    fill(store_server)
    run_all(worker, orders)()
    empty(store_server)
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait(PATIENCE)
    wait_for(lambda: len(states(orders)) == TASKS, "the store to be asked again here")
    assert set(states(orders)) == {"SUCCESS"}


def test_pool_children_that_are_replaced_meanwhile_lose_no_event(store_server, start_worker, soon, orders):
    worker = start_worker("-c", "2", "--max-tasks-per-child", "5")
    ended = run_all(worker, orders, SHORT)
    wait_for(lambda: tasks_for(orders[0]), "the first events")
    fill(store_server)
    moment = threading.Timer(0.3, empty, [store_server])
    moment.start()
    ended()
    moment.join()
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait(PATIENCE)
    wait_for(lambda: states(orders), "the store to be asked again here")
    told = states(orders)
    assert {state: told.count(state) for state in set(told)} == {"SUCCESS": SHORT}


def test_a_worker_ends_in_time_though_the_store_stays_away(store_server, start_worker, orders):
    worker = start_worker("-c", "2", patience=EXIT_PATIENCE)
    fill(store_server)
    run_all(worker, orders)()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) == 0
