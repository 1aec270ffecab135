"""Who is there: the workers that have bound a queue for remote control, where the broker can be asked for that.

A process that has just started knows no worker, so it would listen for the whole deadline. In Redis kombu keeps a set
of the bound queues, whose names are the workers'. One that was killed stays in it until a worker of that name has
ended well. RabbitMQ tells nobody: there the first question takes its whole deadline.
"""

from typing import Final

from redis.exceptions import ResponseError

from .. import connections
from ..conf import conf
from . import gather, target
from .known import known_workers
from .transports.keyspace import keyspace

#: Hostnames that are believed: a set in Redis may hold any number.
MOST: Final = 5000


def learn() -> frozenset[str] | None:
    """Have the next round wait for just the workers that the broker has bound, and return their hostnames.

    None where the broker cannot say it. Raises BrokerUnavailable when it does not answer.
    """
    if target.target().driver != "redis":
        return None
    found = connections.within(2 * connections.CONNECT_TIMEOUT, _bound)
    if found is not None:
        known_workers().expect(found)
    return found


def _bound() -> frozenset[str] | None:
    keys = keyspace(target.target().identity)
    exchange = f"{conf.celery_app.conf.control_exchange}.pidbox"
    ending = f".{exchange}"
    try:
        members = keys.client.srandmember(keys.bindings(exchange), MOST)
    except ResponseError:  # some hosts of Redis allow few commands
        return None
    queues = (queue for _key, queue in filter(None, map(keys.split, members)))
    hosts = (queue.removesuffix(ending) for queue in queues if queue.endswith(ending))
    return frozenset(filter(gather.is_hostname, hosts))
