"""Which servers the store is on, and the way to them."""

from urllib.parse import urlsplit

from ... import connections
from ...conf import conf
from ...connections.cluster import is_cluster, servers_of
from ...connections.redis import SCHEMES, BrokersRedis, is_redis, pool_of_url
from .cluster import Cluster
from .server import Server


def store_servers(seconds: float) -> Server | Cluster:
    """Return the way to the store, none of its connections open. Each may take so many ``seconds`` to connect, and
    to read.

    Without ``STORE_URL`` it is the broker's where that is Redis: with its TLS, options and list of addresses. Raises
    ValueError.
    """
    url = store_url()
    if is_cluster(url):
        return Cluster(servers_of(url, seconds))
    if not conf.STORE_URL and _broker_is_redis():
        broker = BrokersRedis(seconds)
        return Server(broker.pool, broker)
    return Server(pool_of_url(url, seconds))


def _broker_is_redis() -> bool:
    try:
        return is_redis(connections.connection())
    except Exception:  # of the URL, or of a client library that is not installed
        return False


def store_url() -> str:
    """Return the URL of the store: ``STORE_URL``, else the broker's when that is Redis, else the local default."""
    if conf.STORE_URL:
        return str(conf.STORE_URL)
    broker = conf.celery_app.conf.broker_write_url or conf.celery_app.conf.broker_url or ""
    whole = broker[0] if isinstance(broker, (list, tuple)) else str(broker)
    if is_cluster(whole):
        return whole
    first = whole.split(";")[0]
    if urlsplit(first).scheme in SCHEMES:
        return first
    return "redis://localhost:6379/0"
