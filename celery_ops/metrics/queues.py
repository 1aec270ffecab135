"""The queue of a message, by what it says of itself."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..conf import conf

#: What RabbitMQ's delayed delivery puts before a routing key (kombu.transport.native_delayed_delivery).
_DELAYS: Final = re.compile(r"^(?:[01]\.){28}")


def queue_of(delivery_info: Any) -> str:
    """Return the queue of a message by what its broker says of it, empty when that is nothing."""
    info = delivery_info if isinstance(delivery_info, Mapping) else {}
    routing_key = info.get("routing_key")
    return queue_named(str(info.get("exchange") or ""), routing_key) if isinstance(routing_key, str) else ""


def queue_named(exchange: Any, routing_key: Any) -> str:
    """Return the queue that is named so, else the one that is bound so: a message says no more."""
    return _queue(str(getattr(exchange, "name", exchange) or ""), str(routing_key or ""))


@lru_cache(maxsize=1024)
def _queue(exchange: str, routing_key: str) -> str:
    routing_key = _DELAYS.sub("", routing_key)
    queues = conf.celery_app.amqp.queues
    if routing_key in queues:
        return routing_key
    for name, queue in queues.items():
        if queue.routing_key == routing_key and exchange in ("", queue.exchange.name):
            return name
    return routing_key
