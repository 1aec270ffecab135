"""RabbitMQ: a passive declaration of each queue, on one connection.

AMQP has no question about several queues, and none about which there are: each costs a round trip, and only what the
settings and the workers name is found. Looking at a message would take it out and put it back as redelivered.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from amqp.exceptions import AccessRefused, NotFound, ResourceLocked
from kombu.entity import Queue

from .... import connections
from ..declarations import Declaration
from .base import QueueReading, Transport

#: Bytes that AMQP has room for in a name.
LONGEST_NAME: Final = 255


class AmqpTransport(Transport):
    def read(self, declared: Mapping[str, Declaration], only: str | None, until: float) -> Mapping[str, QueueReading]:
        with connections.opened() as connection:
            return _read(connection, declared if only is None else declared.keys() & {only}, until)

    def refusal(self, queue: Queue) -> str:
        """Declare a queue that is there: that changes nothing, and one that is missing is not made."""
        with connections.opened() as connection:
            bound = queue.bind(connection.channel())
            try:
                bound.queue_declare(passive=True)
                bound.queue_declare()
                bound.exchange.declare()
            except (AccessRefused, NotFound):  # who may not declare anything cannot tell
                return ""
            except connection.channel_errors as error:
                return str(getattr(error, "reply_text", "")) or type(error).__name__
        return ""


def _read(connection: Any, names: Iterable[str], until: float) -> Mapping[str, QueueReading]:
    readings: dict[str, QueueReading] = {}
    channel = connection.channel()
    for name in sorted(names):
        if time.monotonic() > until:
            break
        if not _fits(name):
            readings[name] = QueueReading()
            continue
        channel = channel if channel.is_open else connection.channel()
        try:
            answer = channel.queue_declare(name, passive=True)
        except connection.channel_errors as error:
            readings[name] = QueueReading(is_there=isinstance(error, ResourceLocked))
        else:
            readings[name] = QueueReading(is_there=True, depth=answer.message_count, consumers=answer.consumer_count)
    return readings


def _fits(name: str) -> bool:
    try:
        return len(name.encode()) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False
