"""Queues with tasks in them that neither the settings nor the workers name: whoever sent there made them."""

from collections.abc import Collection, Iterator
from time import monotonic
from typing import Any, Final

import redis

from ..backends.declarations import LONGEST_NAME, is_internal
from ..backends.target import target
from ..backends.transports.keyspace import Keyspace, keyspace
from ..backends.transports.messages import message_info
from ..conf import conf

#: Seconds to look through all that a Redis has, and queues that are looked into.
PATIENCE: Final = 0.5
MOST: Final = 1000
#: Bytes of a message that are read.
LARGEST: Final = 200_000


def strays(known: Collection[str]) -> Collection[str]:
    """Return such queues of a Redis, of other brokers none. Raises nothing for the broker.

    Celery gives a queue that nobody configured an exchange of its own, so only going through all keys finds it.
    """
    place = target()
    if place.driver != "redis":
        return ()
    keys, app = keyspace(place.identity), conf.celery_app
    try:
        names = sorted(name for name in set(_bound(keys)) - set(known) if not is_internal(name, app))
        return [name for name in names[:MOST] if len(name) <= LONGEST_NAME and _has_task(keys, name)]
    except redis.RedisError:
        return ()


def _bound(keys: Keyspace) -> Iterator[str]:
    until, cursor = monotonic() + PATIENCE, None
    while cursor != 0 and monotonic() < until:
        cursor, found = keys.client.scan(cursor or 0, match=keys.bindings("*"), count=1000, _type="set")
        for key in found:
            parts = filter(None, map(keys.split, keys.client.srandmember(key, MOST)))
            yield from (queue for _key, queue in parts)


def _has_task(keys: Keyspace, name: str) -> bool:
    """Whether the next message is a task's: others use kombu's queues as well."""
    heads: list[Any] = [keys.client.lindex(each.key, -1) for each in keys.sub_queues(name)]
    return any(head and len(head) <= LARGEST and message_info(head, len(head)).name for head in heads)
