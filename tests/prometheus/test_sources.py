"""A scrape of a real broker and a real store, alive, dead and standing still."""

import uuid
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from celery_ops.backends.broker import backend as broker_queues
from celery_ops.backends.remote import gather, snapshot
from celery_ops.backends.remote.known_workers import known_workers
from celery_ops.metrics.cells import Total
from celery_ops.prometheus import sources
from celery_ops.tracking import recorder as recorder_module
from tests.conftest import broker, browser_of
from tests.metrics.test_counting import count, flush
from tests.servers import RedisServer, free_port

from .conftest import METRICS, TOKEN

pytestmark = pytest.mark.django_db


def forget():
    known_workers().forget()
    snapshot.forget()
    broker_queues.forget()


@pytest.fixture
def server():
    server = RedisServer(free_port())
    yield server
    server.kill()


@pytest.fixture
def site(redis_server, server, settings):
    """A broker of the test's own, and numbers in a store that it may kill."""
    settings.CELERY_OPS = {
        "STORE_URL": f"{redis_server.url}/1",
        "STORE_PREFIX": f"scraped-{uuid.uuid4().hex[:8]}",
        "METRICS_TOKEN": TOKEN,
        "CONTROL_TIMEOUT": 0.2,
        "STORE_TIMEOUT": 5.0,
    }
    recorder_module.forget()
    forget()
    with broker(f"{server.url}/0"):
        yield server
    forget()
    recorder_module.forget()


@pytest.fixture
def families(client):
    """Return the names of the families of a scrape."""

    def names():
        answer = client.get(METRICS, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        return {family.name for family in text_string_to_metric_families(answer.content.decode())}

    return names


TASKS, QUEUES = "celery_task_started", "celery_queue_length"


def test_a_broker_that_dies_takes_its_series_along_and_no_other(site, families, monkeypatch):
    count(Total.STARTED, 0.1)
    flush()
    assert {TASKS, QUEUES} <= families()
    site.kill()
    monkeypatch.setattr(sources, "SHARED_FOR", timedelta(0))
    broker_queues.expire()
    snapshot.expire()
    left = families()
    assert TASKS in left
    assert {name for name in left if not name.startswith("celery_task_")} <= {"celery_queue_paused"}
    site.start()
    broker_queues.forget()
    assert {TASKS, QUEUES} <= families()


def test_a_store_that_is_dead_takes_its_series_along_and_no_other(site, families, settings):
    count(Total.STARTED, 0.1)
    flush()
    settings.CELERY_OPS = {**settings.CELERY_OPS, "STORE_URL": f"redis://127.0.0.1:{free_port()}/1"}
    recorder_module.forget()
    left = families()
    assert QUEUES in left
    assert not [name for name in left if name.startswith("celery_task_")]


def test_a_broker_that_stands_still_leaves_tasks(site, families):
    count(Total.STARTED, 0.1)
    flush()
    site.freeze()
    left = families()
    assert TASKS in left
    assert not [name for name in left if name.startswith("celery_worker_")]


def test_scrapers_and_viewers_ask_the_workers_once(site, families, staff, monkeypatch):
    asked = []
    really = gather.ask
    monkeypatch.setattr(gather, "ask", lambda *args, **options: (asked.append(1), really(*args, **options))[1])
    monkeypatch.setattr(snapshot, "FRESH", 60.0)
    browser_of(staff).get("/behind/a/prefix/workers/")
    for _ in range(5):
        families()
    assert len(asked) == 1
