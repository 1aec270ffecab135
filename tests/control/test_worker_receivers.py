"""What a worker does of itself: it looks from time to time for what it missed while it was busy."""

import os
from types import SimpleNamespace

import pytest
from celery.app.amqp import Queues
from django.db import connection, connections

from celery_ops import databases
from celery_ops.concurrency import Asked
from celery_ops.control import worker_receivers
from celery_ops.control.standing import StandingRequests


class Consumer:
    """Consumes queues by name."""

    def __init__(self, *names):
        self.names = list(names)
        self.app = SimpleNamespace(amqp=SimpleNamespace(queues=Queues()))

    @property
    def task_consumer(self):
        return SimpleNamespace(queues=[SimpleNamespace(name=name) for name in self.names])

    def add_task_queue(self, name):
        self.names.append(name)

    def cancel_task_queue(self, name):
        self.names.remove(name)


@pytest.fixture
def held(monkeypatch):
    found = worker_receivers.HeldQueues()
    monkeypatch.setattr(worker_receivers, "held", found)
    return found


@pytest.mark.parametrize(
    ("consumed", "remembered", "paused", "then_consumed", "then_remembered"),
    [
        (["mail", "other"], set(), ("mail",), ["other"], {"mail"}),
        (["other"], {"mail"}, (), ["other", "mail"], set()),
        (["other"], {"mail"}, ("mail",), ["other"], {"mail"}),
        (["other"], set(), ("mail",), ["other"], set()),
    ],
    ids=["a pause that it missed", "a resume that it missed", "as it was", "a queue that it never consumed"],
)
def test_it_does_what_it_missed(consumed, remembered, paused, then_consumed, then_remembered, held):
    consumer = Consumer(*consumed)
    held.queues |= remembered
    worker_receivers._apply(consumer, StandingRequests(paused=paused))
    assert (consumer.names, held.queues) == (then_consumed, then_remembered)


@pytest.fixture
def pooled(monkeypatch):
    """A site whose connections come from a pool, which this database does not know: whoever asks for one fails."""
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "pool", True)
    monkeypatch.setattr(databases.pooling, "forbidden_in", 0)


@pytest.mark.django_db(transaction=True)
def test_a_worker_looks_up_what_holds_without_a_pool_that_its_children_would_inherit(held, pooled, caplog):
    worker = SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=Queues())))
    worker_receivers.worker_init(worker)
    assert caplog.messages == []
    assert Asked(look_up, "look").answer(5) == 1  # nor does whatever else its main process asks in a thread


@pytest.mark.django_db(transaction=True)
def test_a_child_of_a_worker_and_a_site_take_connections_from_their_pools(held, pooled, monkeypatch):
    databases.leave_no_pool()
    monkeypatch.setattr(databases.pooling, "forbidden_in", os.getpid() + 1)  # as its parent said
    with pytest.raises(Exception, match="pool"):
        Asked(look_up, "look").answer(5)


def look_up():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone()[0]
