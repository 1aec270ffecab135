"""What a worker does of itself: it looks from time to time for what it missed while it was busy."""

from types import SimpleNamespace

import pytest
from celery.app.amqp import Queues

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
