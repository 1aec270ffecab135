"""Whether the store's URL leads to the kind of servers that it names, and whether all of a cluster is there."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import redis
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..connections.cluster import FORM
from ..tracking.redis.cluster import Cluster
from ..tracking.redis.server import Server
from ..tracking.redis.store import PING
from .finding import Finding, error

#: What the store's URL is to be, by the kind of server that it leads to.
FORMS: Final = {
    "standalone": "redis://host:port/0",
    "sentinel": "sentinel://host:port;host:port/master/0",
    "cluster": FORM,
}


def wrong_kind(servers: Server | Cluster) -> Finding | None:
    """Say what the URL should be when it leads to another kind of servers. None too where they do not tell."""
    mode = _mode(servers)
    if mode == ("cluster" if isinstance(servers, Cluster) else "standalone") or mode not in FORMS:
        return None
    messages = {
        "standalone": _("The tracking store is one server, and no Redis Cluster."),
        "sentinel": _("The tracking store is a sentinel, which keeps nothing itself."),
        "cluster": _("The tracking store is a server of a Redis Cluster."),
    }
    return error("store", messages[mode], _("Write STORE_URL in CELERY_OPS as %(form)s.") % {"form": FORMS[mode]})


def _mode(servers: Server | Cluster) -> str:
    """Return what kind of server the first is that answers; nothing when none does, or it does not tell."""
    for pool in servers.known_pools():
        try:
            return _kind(pool)
        except redis.ResponseError:  # a cluster's server may have no such database
            with suppress(redis.RedisError, OSError):
                return _kind(redis.ConnectionPool(pool.connection_class, **{**pool.connection_kwargs, "db": 0}))
        except (redis.RedisError, OSError):
            continue
    return ""


def _kind(pool: redis.ConnectionPool) -> str:
    with redis.Redis(connection_pool=pool) as client:
        info = client.info("server")
    return str(info.get("redis_mode") or info.get("server_mode"))  # Valkey has a name of its own for it


def check(cluster: Cluster) -> Iterator[Finding]:
    """Say which slots have no server that answers; nothing when all have."""
    hint = _("Start the servers that are away, or give their slots to others.")
    replies = cluster.ask_all(PING)
    if away := [reply for reply in replies if isinstance(reply, Exception)]:
        counts = {"away": len(away), "all": len(replies)}
        message = ngettext(
            "%(away)d of %(all)d masters of the cluster does not answer.",
            "%(away)d of %(all)d masters of the cluster do not answer.",
            len(away),
        )
        yield error("store", message % counts, hint)
    elif not cluster.nodes.slots.are_complete:
        yield error("store", _("Some slots of the cluster have no server."), hint)
