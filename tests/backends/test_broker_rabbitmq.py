"""Queues in a real RabbitMQ, and what it takes to ask it."""

import contextlib
import uuid
from collections.abc import Sequence

import pytest
from django.urls import reverse
from kombu import Consumer, Exchange, Queue
from kombu.transport.native_delayed_delivery import (
    bind_queue_to_native_delayed_delivery_exchange,
    declare_native_delayed_delivery_exchanges_and_queues,
)

from celery_ops.backends.broker import backend as broker
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.broker.declarations import DELAYS
from celery_ops.backends.broker.transports.amqp import AmqpTransport
from celery_ops.control import queues
from celery_ops.control.commands import AddConsumer
from celery_ops.exceptions import BadInput, NotDone
from celery_ops.info import Binding, QueueDetail
from celery_ops.models import ControlRecord
from celery_ops.testing import QueueBackendContract
from tests.backends.brokers import consuming, declare, detail, make_app, plant, publish, queue, queues_of, using
from tests.conftest import browser_of, make_user, rabbitmq_vhost
from tests.servers import wait_for

pytestmark = [pytest.mark.rabbitmq, pytest.mark.usefixtures("unhurried")]


@pytest.fixture
def name():
    return f"mail-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def rabbitmq_url():
    """Without anybody else's queues."""
    with rabbitmq_vhost() as url:
        yield url


@pytest.fixture
def app(settings, rabbitmq_url, name):
    with using(settings, make_app(rabbitmq_url, Queue(name, Exchange(name), name))) as app:
        yield app


def delete(app, *names: str) -> None:
    with app.connection_for_write() as connection, connection.channel() as channel:
        for name in names:
            channel.queue_delete(name)


def counted(name: str, depth: int) -> bool:
    """RabbitMQ counts a message a moment after it took it."""
    wait_for(lambda: queue(name).depth == depth, f"{name} to hold {depth}")
    return True


class TestContract(QueueBackendContract):
    @pytest.fixture(autouse=True)
    def _using(self, settings, rabbitmq_url):
        with contextlib.ExitStack() as self.stack:
            self.settings, self.url = settings, rabbitmq_url
            yield

    def make_backend(self, queues: Sequence[QueueDetail]) -> BrokerQueueBackend:
        app = make_app(self.url, *queues_of(queues))
        self.stack.enter_context(using(self.settings, app))
        plant(app, queues)
        self.stack.callback(delete, app, *(planted.info.name for planted in queues))
        for planted in queues:
            counted(planted.info.name, planted.info.depth)
        return BrokerQueueBackend()


def test_waiting_messages_are_counted(app, name):
    publish(app, name, times=3)
    assert counted(name, 3)


def test_messages_of_every_priority_are_counted(settings, rabbitmq_url, name):
    mine = Queue(name, Exchange(name), name, max_priority=9)
    with using(settings, make_app(rabbitmq_url, mine)) as app:
        publish(app, name, priority=1)
        publish(app, name, priority=9)
        assert counted(name, 2)
        assert detail(name).arguments == {"x-max-priority": 9}


def test_consumers_are_those_that_the_broker_counts(app, name):
    declare(app, name)
    mine = [app.amqp.queues[name]]
    with app.connection_for_write() as connection, connection.channel() as channel:  # noqa: SIM117 - two steps
        with Consumer(channel, mine), Consumer(channel, mine):
            assert queue(name).consumers == 2
    wait_for(lambda: queue(name).consumers == 0, "nobody to consume")


def test_a_queue_that_is_not_there_yet_is_of_unknown_depth(app, name):
    assert (queue(name).sources, queue(name).depth) == (("settings",), None)


def test_one_queue_that_is_missing_does_not_hide_the_others(app, name):
    declare(app, name)
    names = {info.name: info.depth for info in BrokerQueueBackend().queues().queues}
    assert names == {"celery": None, name: 0}


def test_a_declared_queue_is_known_to_the_broker(app, name):
    declare(app, name)
    assert (queue(name).sources, queue(name).depth) == (("settings", "broker"), 0)


def test_what_amqp_cannot_say_is_unknown(app, name):
    publish(app, name)
    queue_detail = detail(name)
    assert (queue_detail.info.unacked, queue_detail.info.oldest_age, queue_detail.messages) == (None, None, None)
    backend = BrokerQueueBackend()
    assert (backend.supports_unacked, backend.supports_oldest_age, backend.supports_messages) == (False,) * 3


def test_a_detail_has_bindings_and_workers(settings, rabbitmq_url, name):
    mine = Queue(name, Exchange(name), name)
    with using(settings, make_app(rabbitmq_url, mine), {"w@x": consuming(name)}) as app:
        declare(app, name)
        queue_detail = detail(name)
    assert queue_detail.bindings == (Binding(name, "direct", name),)
    assert (queue_detail.workers, queue_detail.durable) == (("w@x",), True)


def test_an_unknown_queue_is_none(app, name):
    publish(app, name)
    assert BrokerQueueBackend().queue("celery") is not None
    assert BrokerQueueBackend().queue(f"{name}x") is None


def test_another_connections_own_queue_is_there_and_uncounted(settings, rabbitmq_url, name):
    mine = Queue(name, Exchange(name), name, exclusive=True)
    with using(settings, make_app(rabbitmq_url, mine)) as app, app.connection_for_write() as connection:
        mine.bind(connection.default_channel).declare()
        assert (queue(name).sources, queue(name).depth) == (("settings", "broker"), None)


def test_a_queue_that_is_not_there_yet_is_emptied_of_nothing(app, name, db):
    assert queues.purge(name, None) == 0
    assert ControlRecord.objects.get().replies == {"purged": 0}


def test_what_rabbitmq_refuses_is_not_said_to_have_been_unanswered(settings, rabbitmq_url, name, db):
    mine = Queue(name, Exchange(name), name, exclusive=True)
    with using(settings, make_app(rabbitmq_url, mine)) as app, app.connection_for_write() as connection:
        mine.bind(connection.default_channel).declare()
        with pytest.raises(NotDone, match=r"^RabbitMQ at .* could not be asked: it refuses this login or question\.$"):
            queues.purge(name, None)


def check_consuming(name):
    """Ask whether workers may be told to consume it."""
    broker.forget()
    command = AddConsumer({"queue": name}, targets=["w@x"])
    command.checked()
    command.check_circumstances()


def test_no_worker_is_told_to_consume_a_queue_that_rabbitmq_has_otherwise(settings, rabbitmq_url, name, db):
    """It would end at once: it declares what it consumes."""
    as_it_is = Queue(name, Exchange(name), name, max_priority=9)
    with using(settings, make_app(rabbitmq_url, as_it_is)) as app:
        declare(app, name)
        check_consuming(name)
    with (
        using(settings, make_app(rabbitmq_url, Queue(name, Exchange(name), name))),
        pytest.raises(BadInput, match=r"inequivalent arg 'x-max-priority'"),
    ):
        check_consuming(name)


def test_asking_whether_a_queue_may_be_consumed_makes_none(app, name, db):
    check_consuming(name)
    assert queue(name).sources == ("settings",)


@pytest.mark.parametrize(
    "odd", ["a/b", "a b", "é\u202e", "*", "[x]?", "line\nbreak", "\x1b[31m", "<b>x</b>", "%00", "é" * 120]
)
def test_a_queue_of_any_name_is_counted(settings, rabbitmq_url, odd):
    with using(settings, make_app(rabbitmq_url, Queue(odd, Exchange("odd"), odd))) as app:
        declare(app, odd)
        assert queue(odd).depth == 0
        delete(app, odd)


@pytest.mark.parametrize("impossible", ["é" * 200, "x" * 256, "\ud800", "amq.reserved"])
def test_a_name_that_amqp_cannot_have_is_unknown(settings, rabbitmq_url, name, impossible):
    consumed = {"fake@x": [{"name": impossible}, {"name": name}]}
    with using(settings, make_app(rabbitmq_url, Queue(name)), consumed) as app:
        declare(app, name)
        assert (queue(impossible).depth, queue(name).depth) == (None, 0)


def test_what_there_was_no_time_to_ask_is_unknown_and_said(app, name, monkeypatch):
    declare(app, name)
    read = AmqpTransport.read
    monkeypatch.setattr(AmqpTransport, "read", lambda self, declared, only, until: read(self, declared, only, 0.0))
    report = BrokerQueueBackend().queues()
    assert {info.depth for info in report.queues} == {None}
    assert report.trouble == "There was no time to ask about every queue."


def test_a_refused_login_is_said_and_not_shown(settings, rabbitmq_url):
    with using(settings, make_app(rabbitmq_url.replace("guest:guest", "guest:tr0ub4dor"))):
        trouble = BrokerQueueBackend().queues().trouble
    assert trouble.endswith("could not be asked: it refuses this login or question.")
    assert "tr0ub4dor" not in trouble


def test_a_virtual_host_that_is_not_there_is_said(settings, rabbitmq_url):
    with using(settings, make_app(f"{rabbitmq_url}-nowhere")):
        assert BrokerQueueBackend().queues().trouble.startswith("RabbitMQ at 127.0.0.1:5672/celery-ops-")


# -- messages that RabbitMQ holds until their time comes ---------------------------------------------------------------


@pytest.fixture
def delaying(settings, rabbitmq_url, name):
    """A site whose tasks wait in RabbitMQ itself, as a worker of it would have declared that."""
    mine = Queue(name, Exchange(name, "topic"), name, queue_arguments={"x-queue-type": "quorum"})
    with using(settings, make_app(rabbitmq_url, mine, task_default_queue=name)) as app:
        with app.connection_for_write() as connection:
            declare_native_delayed_delivery_exchanges_and_queues(connection, "classic")
            app.amqp.queues[name].bind(connection.channel()).declare()
            bind_queue_to_native_delayed_delivery_exchange(connection, app.amqp.queues[name])
        yield app
        delete(app, name, *DELAYS)


def delayed():
    broker.forget()
    return BrokerQueueBackend().queues()


def test_what_waits_for_its_time_in_rabbitmq_is_counted_and_said(delaying, name, db):
    (task_id,) = publish(delaying, name, countdown=90)
    report = wait_for(lambda: (report := delayed()).note and report, "the message to be counted")
    assert report.note.startswith("RabbitMQ holds 1 message until its time comes")
    (held,) = (queue for queue in report.queues if queue.name in DELAYS)
    assert (held.name, held.depth, held.consumers) == ("celery_delayed_6", 1, None)
    assert BrokerQueueBackend().queue("celery_delayed_6").info.depth == 1
    client = browser_of(make_user("viewer", "celery_ops.view_ops"))
    assert "RabbitMQ holds 1 message" in client.get(reverse("celery_ops:queue-list")).text
    page = client.get(reverse("celery_ops:task-detail", args=[task_id]))
    assert (page.status_code, "RabbitMQ holds 1 message" in page.text) == (404, True)


def test_while_nothing_waits_there_nothing_is_said(delaying, name):
    report = delayed()
    assert (report.note, [queue.name for queue in report.queues]) == ("", [name])


def test_where_nothing_can_wait_there_nobody_asks(app, name):
    assert set(AmqpTransport().read({}, None, float("inf"))) == set()
    assert delayed().note == ""
