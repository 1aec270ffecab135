"""The queue of a message, by what it says of itself."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..conf import conf

#: What RabbitMQ's delayed delivery puts before a routing key (kombu.transport.native_delayed_delivery).
_DELAYS: Final = re.compile(r"^(?:[01]\.){28}")
#: What a topic's pattern has for one word, and for any number of them.
_WORDS: Final = {"*": r"[^.]*\.", "#": r"(?:[^.]*\.)*"}


def queue_named(exchange: Any, routing_key: Any) -> str:
    """Return the queue that is named so, else the one that is bound so: a message says no more."""
    return _queue(str(getattr(exchange, "name", exchange) or ""), str(routing_key or ""))


@lru_cache(maxsize=1024)
def _queue(exchange: str, routing_key: str) -> str:
    routing_key, was_delayed = _DELAYS.subn("", routing_key)
    queues = conf.celery_app.amqp.queues
    if routing_key in queues:
        return routing_key
    is_anys = was_delayed or not exchange  # it names the delay's exchange, or none
    bindings = [bound for bound in _bindings(queues) if is_anys or bound.exchange == exchange]
    for bound in bindings:
        if bound.key == routing_key:
            return bound.queue
    patterns = (bound for bound in bindings if bound.kind == "topic" and exchange)
    wanting = {bound.queue for bound in patterns if _is_like(routing_key, bound.key)}
    return wanting.pop() if len(wanting) == 1 else routing_key


class _Bound(NamedTuple):
    """A queue's name, the name and the kind of an exchange that it is bound to, and by which key."""

    queue: str
    exchange: str
    kind: str
    key: str


def _bindings(queues: Mapping[str, Any]) -> Iterator[_Bound]:
    for name, queue in list(queues.items()):  # whoever publishes adds to them
        for bound in (queue, *queue.bindings):
            if bound.exchange is not None:
                yield _Bound(name, bound.exchange.name, bound.exchange.type, bound.routing_key or "")


def _is_like(routing_key: str, pattern: str) -> bool:
    """Whether a topic's pattern, words between dots, wants a routing key."""
    words = (_WORDS.get(word, rf"{re.escape(word)}\.") for word in pattern.split("."))
    return re.fullmatch("".join(words), f"{routing_key}.") is not None
