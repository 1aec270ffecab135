"""What a worker that is to consume a queue needs to know of it: it declares the queue before it consumes it.

RabbitMQ refuses who declares a queue otherwise than it is, and Celery's worker comes to an end then.
"""

from typing import Any

from kombu.entity import Queue

from ... import connections
from ...connections.target import target
from ...info import QueueDetail
from .transports import transport


def options_of(queue: QueueDetail | None) -> dict[str, Any]:
    """Return what Celery's ``add_consumer`` takes besides the name, so that a worker declares the queue as it is."""
    if queue is None:
        return {}
    options: dict[str, Any] = {}
    if queue.bindings:
        binding = queue.bindings[0]
        options = {
            "exchange": binding.exchange,
            "exchange_type": binding.exchange_type,
            "routing_key": binding.routing_key,
        }
    if queue.durable is not None:
        options["queue_durable"] = queue.durable
    if queue.arguments:
        options["queue_arguments"] = dict(queue.arguments)
    return options


def refusal(name: str, options: dict[str, Any]) -> str:
    """Return why the broker would refuse a worker that is told this, in its own words; "" when it says nothing.

    Raises BrokerUnavailable when it does not answer.
    """
    place = target()
    # as a worker makes it that does not know the queue
    queue = Queue.from_dict(name, **{"exchange": name, "exchange_type": "direct", "routing_key": name, **options})
    asked = transport(place.driver, place.identity)
    return connections.within(2 * connections.CONNECT_TIMEOUT, lambda: asked.refusal(queue))
