"""Whether a Redis may throw away what it was given to keep, or has no room for more."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import redis
from django.utils.translation import gettext as _

from ..connections.keyspace import keyspace
from ..connections.target import Target, target
from .finding import Finding, error, ok, warning

#: The part of its memory that a Redis may use before it is nearly full.
FULL: Final = 0.9


def of_broker(place: Target) -> Iterator[Finding]:
    """Say whether queues are safe in the broker, where that is a Redis."""
    if place.driver == "redis":
        yield from check("broker-memory", keyspace(place.identity).client)


def is_the_brokers(client: Any) -> bool:
    """Return whether this is the broker's own Redis, of which one line is enough."""
    place = target()
    return place.driver == "redis" and _identity(keyspace(place.identity).client) == _identity(client)


def _identity(client: Any) -> Any:
    try:
        return client.info("server").get("run_id", client)
    except redis.RedisError:
        return client


def check(name: str, client: Any) -> Iterator[Finding]:
    """Say whether a Redis evicts keys, or is nearly full; nothing when it does not tell."""
    try:
        info = client.info("memory")
    except redis.RedisError:
        return
    most, used = _number(info, "maxmemory"), _number(info, "used_memory")
    policy = str(info.get("maxmemory_policy", "noeviction"))[:50]
    if most and policy.startswith("allkeys"):
        message = _(
            "Redis deletes any key when it is full (maxmemory-policy %(policy)s): queues and tracked tasks too."
        )
        yield error(
            name, message % {"policy": policy}, _("Set maxmemory-policy noeviction, or use a Redis of its own.")
        )
    elif policy.startswith("allkeys"):
        message = _("Redis would delete any key once it had a maxmemory (maxmemory-policy %(policy)s).")
        yield warning(name, message % {"policy": policy}, _("Set maxmemory-policy noeviction."))
    elif most and used > FULL * most:
        message = _("Redis uses %(percent)s %% of its maxmemory.") % {"percent": round(100 * used / most)}
        yield warning(name, message, _("Raise maxmemory, or find out what fills it."))
    else:
        yield ok(name, _("Redis has room, and deletes nothing that it was given to keep."))


def _number(info: Mapping[str, Any], name: str) -> int:
    value = info.get(name)
    return value if isinstance(value, int) else 0
