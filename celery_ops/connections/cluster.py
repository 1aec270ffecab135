"""The servers of a Redis Cluster, as ``STORE_URL`` names some of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.cluster
from redis.connection import parse_url

from ..exceptions import WrongURL
from .redis import LEAN, bounds, client_url

#: What such a URL begins with: the scheme of each server, and that they are a cluster.
SCHEME: Final = re.compile(r"\A(redis|rediss|valkey|valkeys)\+cluster://")

FORM: Final = "redis+cluster://host:port,host:port"

#: Until version 6 redis-py's usual connections do not know what a cluster's servers answer besides.
PARSER: Final = {"parser_class": redis.cluster.ClusterParser} if hasattr(redis.cluster, "ClusterParser") else {}

#: A server's host and port.
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class ClusterServers:
    """Where some servers of a cluster are, and how to connect to any of them."""

    known: tuple[Address, ...]
    parameters: Mapping[str, Any]

    def pool(self, address: Address) -> redis.ConnectionPool:
        """Return connections to one of the servers, none of them open."""
        host, port = address
        return redis.ConnectionPool(host=host, port=port, **self.parameters)


def is_cluster(url: str) -> bool:
    """Return whether ``url`` says that it leads to a cluster."""
    return bool(SCHEME.match(url))


def servers_of(url: str, seconds: float) -> ClusterServers:
    """Return the servers that ``url`` names, between commas or semicolons. Connects to nothing. Raises WrongURL.

    A login before any of them is for all, and so are the options after the last.
    """
    scheme = url.partition("+")[0]
    hosts = [urlsplit(f"//{SCHEME.sub('', host)}") for host in re.split("[;,]", url) if host]
    login = next((f"{host.netloc.rpartition('@')[0]}@" for host in hosts if "@" in host.netloc), "")
    path, query = hosts[-1].path, hosts[-1].query
    parameters = parse_url(client_url(f"{scheme}://{login}host{path}{'?' if query else ''}{query}"))
    try:
        addresses = tuple((host.hostname or "localhost", host.port or 6379) for host in hosts)
    except ValueError:  # a port that is none
        raise WrongURL("STORE_URL names no servers of a cluster", f"Write it as {FORM}.") from None
    if parameters.pop("db", 0):
        hint = f"A cluster has no databases: write {FORM}, and tell sites apart by STORE_PREFIX."
        raise WrongURL("STORE_URL names a database of a cluster", hint)
    del parameters["host"]
    return ClusterServers(addresses, {**parameters, **LEAN, **PARSER, **bounds(seconds)})
