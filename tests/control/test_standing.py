"""What is asked of workers holds for those that start later, and shows in what they do."""

import pytest
from django.test import Client
from django.urls import reverse

from celery_ops.backends.broker import backend as broker_backend
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.control import paused_queues as pausing
from celery_ops.control import queues, revoke
from celery_ops.control.standing import paused_queues
from celery_ops.models import ControlRecord
from tests.backends.starting import end
from tests.celery import app
from tests.conftest import broker, results_at, store_settings
from tests.control.conftest import consumed, eventually, forget, start
from tests.servers import PATIENCE, Site
from tests.shop.tasks import untracked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def results(site):
    """Results where the workers of these tests leave them."""
    with results_at(site.results):
        yield


def test_what_was_asked_while_a_worker_was_away_holds_when_it_starts(site, fleet, results, operator):
    revoked = untracked.apply_async(queue="late")
    revoke.revoke([revoked.id], None)
    after = untracked.apply_async(queue="late")
    queues.pause("held", operator)
    waiting = untracked.apply_async(queue="held")

    late = start(fleet.site, "-c", "1", "-Q", "late,held")
    try:
        assert after.get(timeout=PATIENCE) == 1
        assert app.AsyncResult(revoked.id).state == "REVOKED"
        assert (consumed(late.hostname), waiting.state, list(paused_queues())) == (["late"], "PENDING", ["held"])
        queues.resume("held", operator)
        assert (waiting.get(timeout=PATIENCE), paused_queues()) == (1, {})
        client = Client(headers={"accept": "application/json"})
        client.force_login(operator)
        given = {"action": "shutdown", "destination": late.hostname, "confirm": late.hostname}
        answer = client.post(reverse("celery_ops:worker-control"), given).json()
        assert (answer["asked"], answer["answered"]) == ([late.hostname], {})
        assert late.process.wait(PATIENCE) == 0
    finally:
        late.stop()


def test_a_paused_queue_fills_and_drains_when_it_is_resumed(site, fleet, results, operator):
    acted = queues.pause("kept", operator)
    assert acted.data["answered"] == {
        fleet.one.hostname: "no longer consuming from kept",
        fleet.two.hostname: "does not consume kept",
    }
    eventually(lambda: consumed(fleet.one.hostname) == ["other"], "the queue to be left alone")
    waiting = untracked.apply_async(queue="kept")
    assert untracked.apply_async(queue="other").get(timeout=PATIENCE) == 1
    assert waiting.state == "PENDING"
    broker_backend.forget()
    listed = {queue.name: (queue.depth, queue.paused) for queue in pausing.queues(BrokerQueueBackend()).queues}
    assert listed["kept"] == (1, True)
    acted = queues.resume("kept", operator)
    assert acted.data["answered"][fleet.two.hostname] == "did not consume kept"
    assert waiting.get(timeout=PATIENCE) == 1
    assert consumed(fleet.two.hostname) == ["other"]


def test_a_resumed_queue_is_consumed_when_its_worker_connects_anew(own_redis, redis_server, settings, operator):
    site = Site(f"{own_redis.url}/0", store=f"{redis_server.url}/1", results=f"{redis_server.url}/12")
    settings.CELERY_OPS = {**store_settings(site.store, site.prefix), "CONTROL_TIMEOUT": 5}
    with broker(site.broker):
        forget()
        worker = start(site, "-c", "1", "-Q", "held")
        try:
            queues.pause("held", operator)
            eventually(lambda: consumed(worker.hostname) == [], "the queue to be left alone")
            queues.resume("held", operator)
            eventually(lambda: consumed(worker.hostname) == ["held"], "the queue to be consumed")
            own_redis.tell("CLIENT", "KILL", "TYPE", "normal")
            eventually(lambda: worker.text().count("Connected to ") > 1, "the worker to connect anew")
            eventually(lambda: consumed(worker.hostname) == ["held"], "the queue to be consumed again")
        finally:
            end(worker)
    forget()


def test_what_waits_in_a_queue_is_deleted_and_counted(site):
    for _ in range(3):
        untracked.apply_async(queue="full")
    assert queues.purge("full", None) == 3
    assert ControlRecord.objects.get().replies == {"purged": 3}
