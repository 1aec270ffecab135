"""Several threads and processes evaluate beside each other, on a real Redis: each alert is told once."""

import contextlib
import json
import os
import subprocess
import sys
import threading

import pytest
import redis

from celery_ops.alerts import BREACHED, RECOVERED
from celery_ops.alerts.evaluating import evaluate
from celery_ops.conf import conf
from celery_ops.signals import failure_seen
from tests.servers import FILES, wait_for

from .conftest import evaluated, hold, states

pytestmark = pytest.mark.usefixtures("redis_store", "site")

#: Queues that break one after the other.
QUEUES = [f"mail{n:02}" for n in range(15)]


def test_no_key_stays_for_ever(told, redis_server):
    evaluated(mail=11, mailing=12)
    failure_seen.send(None, key="k", is_new=True, is_regressed=False, task_id="1", task_name="shop.mail")
    evaluated(mail=1)
    with contextlib.closing(redis.Redis(port=redis_server.port, db=1)) as client:
        keys = client.keys(f"{conf.STORE_PREFIX}:*")
        assert len(keys) > 5
        assert [key for key in keys if client.ttl(key) < 0] == []


def test_of_many_threads_that_evaluate_at_once_one_tells(told):
    for depth in (11, 1):
        hold(mail=depth)
        together = threading.Barrier(8)

        def run(together=together):
            together.wait()
            for _ in range(5):
                evaluate()

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert states(told) == [("mail", BREACHED), ("mail", RECOVERED)]


@pytest.fixture
def processes(own_redis):
    """Two processes that evaluate as fast as they can, and the Redis that says what there is to find."""
    database = f"{own_redis.url}/5"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_STORE_URL": f"{own_redis.url}/4",
        "TEST_STORE_TIMEOUT": "20",
        "TEST_DEPTHS": database,
    }
    command = [sys.executable, "-m", "tests.alerts.evaluator"]
    log = FILES / "evaluators.log"
    with log.open("w") as out, redis.Redis.from_url(database, decode_responses=True) as server:
        both = [subprocess.Popen(command, env=environment, stdout=out, stderr=out) for _ in range(2)]
        try:
            wait_for(lambda: server.get("ready") == "2", "both to evaluate")
            yield server, both
        finally:
            server.set("stop", 1)
            for process in both:
                process.wait(30)
    print(log.read_text())


def told_by(server):
    return [tuple(json.loads(text)) for text in server.lrange("told", 0, -1)]


def test_two_processes_tell_each_breach_once_and_each_recovery_once(processes):
    server, both = processes
    for number, name in enumerate(QUEUES, 1):
        server.hset("depths", name, 11)
        wait_for(lambda number=number: len(told_by(server)) >= number, f"{number} alerts")
    server.hset("depths", mapping=dict.fromkeys(QUEUES, 3))
    wait_for(lambda: len(told_by(server)) >= 2 * len(QUEUES), "all to recover")
    server.set("stop", 1)
    assert [process.wait(30) for process in both] == [0, 0]
    expected = [(name, state) for name in QUEUES for state in (BREACHED, RECOVERED)]
    assert sorted(told_by(server)) == sorted(expected)


def test_a_process_that_ends_at_once_tells_before_it_does(own_redis):
    database = f"{own_redis.url}/5"
    with redis.Redis.from_url(database, decode_responses=True) as server:
        server.hset("depths", "mail", 11)
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_STORE_URL": f"{own_redis.url}/4",
            "TEST_STORE_TIMEOUT": "20",
            "TEST_DEPTHS": database,
        }
        code = "from tests.alerts import evaluator; evaluator.prepare(); evaluator.evaluate_and_go()"
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
        assert told_by(server) == [("mail", BREACHED)]
