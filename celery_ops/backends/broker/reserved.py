"""Names that no queue of tasks may have: Celery, the broker or celery_ops keep something else under them."""

from collections.abc import Iterator
from typing import Any, Final

from ... import connections
from ...conf import conf
from ...connections.keyspace import Keyspace, keyspace
from ...connections.target import target
from ...tracking import prefix
from .declarations import is_internal

#: What names of RabbitMQ's own begin with, and those of kombu's queues for delayed delivery, tables and results.
BEGINNINGS: Final = ("amq.", "celery_delayed_", "_kombu.", "celery-task-meta-", "celery-taskset-meta-")
#: What names of mailboxes end with, whatever the app calls its exchange.
ENDING: Final = ".pidbox"


def is_reserved(name: str) -> bool:
    """Return whether no worker may consume a queue of this name. Raises BrokerUnavailable when Redis does not answer.

    Redis is asked, too: a worker that waits there for a message in what is no list comes to an end.
    """
    if name.startswith(tuple(_beginnings())) or name.endswith(ENDING) or is_internal(name, conf.celery_app):
        return True
    place = target()
    if place.driver != "redis":
        return False
    return connections.within(2 * connections.CONNECT_TIMEOUT, lambda: _holds_other(keyspace(place.identity), name))


def _beginnings() -> Iterator[str]:
    yield from BEGINNINGS
    yield f"{prefix.of_workers()}:"


def _holds_other(keys: Keyspace, name: str) -> bool:
    """Whether Redis has something else than messages under the name, or kombu will."""
    if name in keys.own_names:
        return True
    with keys.client.pipeline(transaction=False) as pipe:
        for part in keys.sub_queues(name):
            pipe.type(part.key)
        kinds: list[Any] = pipe.execute()
    return not {bytes(kind) for kind in kinds} <= {b"none", b"list"}
