"""By how much workers' clocks differ from ours: each is asked for a heartbeat, which carries its time.

Heartbeats are events. A worker that was started with both ``--without-gossip`` and ``--without-heartbeat`` sends none.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from celery.events.event import get_exchange
from kombu.entity import Queue
from kombu.message import Message
from kombu.messaging import Consumer, Producer
from kombu.utils.uuid import uuid

from .. import connections
from ..conf import conf
from ..exceptions import BrokerUnavailable

#: Seconds to wait for heartbeats.
PATIENCE: Final = 0.5
HEARTBEAT: Final = "worker-heartbeat"
#: Seconds since the epoch that no clock says: anybody may send an event.
LATEST: Final = 2**40


def clock_offsets(hostnames: Collection[str]) -> Mapping[str, float]:
    """Return the seconds by which each worker's clock is ahead, of those that tell. Never raises for the broker."""
    offsets: dict[str, float] = {}
    with suppress(BrokerUnavailable):
        connections.within(connections.CONNECT_TIMEOUT + PATIENCE, lambda: _listen(frozenset(hostnames), offsets))
    return dict(offsets)


def _listen(hostnames: frozenset[str], offsets: dict[str, float]) -> None:
    def receive(message: Message) -> None:
        now = time.time()
        for host, moment in _heartbeats(message):
            if host in hostnames:
                offsets.setdefault(host, moment - now)

    app = conf.celery_app
    with connections.opened(ack_emulation=False) as connection:
        channel = connection.default_channel
        name = f"{app.conf.event_queue_prefix}.{uuid()}"
        exchange = get_exchange(connection, name=app.conf.event_exchange)
        queue = Queue(name, exchange, routing_key="worker.#", auto_delete=True, durable=False, expires=10)
        with Consumer(channel, [queue], on_message=receive, accept=["json"], no_ack=True):
            with suppress(TimeoutError):
                connection.drain_events(timeout=0.01)  # Redis subscribes with the first look
            _request(app, connection, channel)
            until = time.monotonic() + PATIENCE
            while hostnames - offsets.keys() and time.monotonic() < until:
                with suppress(TimeoutError):
                    connection.drain_events(timeout=until - time.monotonic())


def _request(app: Any, connection: Any, channel: Any) -> None:
    mailbox = app.control.mailbox(connection)
    message: dict[str, Any] = {
        "method": "heartbeat",
        "arguments": {},
        "destination": None,
        "pattern": None,
        "matcher": None,
    }
    Producer(channel, mailbox.exchange, serializer=mailbox.serializer).publish(
        message, headers={"clock": mailbox.clock.forward()}
    )


def _heartbeats(message: Message) -> Iterator[tuple[str, float]]:
    try:
        body = message.decode()
    except Exception:  # whatever a stranger's event makes of kombu's decoder
        return
    for event in body if isinstance(body, list) else [body]:
        if isinstance(event, dict) and event.get("type") == HEARTBEAT:
            host, moment = event.get("hostname"), event.get("timestamp")
            if isinstance(host, str) and isinstance(moment, (int, float)) and 0 <= moment < LATEST:
                yield host, float(moment)
