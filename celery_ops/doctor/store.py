"""Whether what is tracked can be kept: the store answers, quickly, and does not throw away."""

import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any, Final

import redis
from django.utils.translation import gettext as _

from ..conf import conf
from ..connections.target import reason
from ..exceptions import StoreUnavailable
from ..formatting import duration
from ..tracking.memory import MemoryStore
from ..tracking.recorder import new_store
from ..tracking.redis import RedisStore
from ..tracking.redis.cluster import Cluster
from ..tracking.redis.server import Server
from ..tracking.redis.servers import store_servers
from ..tracking.store import Store
from . import cluster, memory
from .finding import OK, Finding, error, ok, warning

PINGS: Final = 5
#: Seconds for what is asked once.
PATIENCE: Final = 1.0


def check() -> Iterator[Finding]:
    """Ask the store for signs of life; a slow one costs the site time with each task."""
    store = new_store()
    if isinstance(store, RedisStore):
        servers = store_servers(PATIENCE)
        if wrong := cluster.wrong_kind(servers):
            yield wrong
            return
    try:
        took = median(_timed(store) for _number in range(PINGS))
    except StoreUnavailable as failure:
        message = _("The tracking store does not answer: %(reason)s.") % {"reason": reason(failure)}
        yield error("store", message, _("Start it, or correct STORE_URL in CELERY_OPS."))
        return
    finally:
        store.close()
    yield _answers(store, took)
    if isinstance(store, RedisStore):
        if isinstance(servers, Cluster):
            yield from cluster.check(servers)
        yield from _memory(servers)
        servers.close()


def _answers(store: Store, seconds: float) -> Finding:
    if isinstance(store, MemoryStore):
        message = _("What is tracked stays in the memory of each process: no other one sees it.")
        return warning("store", message, _("Set STORE in CELERY_OPS to celery_ops.tracking.redis.RedisStore."))
    if seconds > conf.STORE_TIMEOUT / 2:
        message = _("The tracking store takes %(ms)s ms to answer, and is given up after %(timeout)s s.")
        times = {"ms": f"{seconds * 1000:.1f}", "timeout": f"{conf.STORE_TIMEOUT:g}"}
        return warning("store", message % times, _("Put it nearer, find out what slows it, or raise STORE_TIMEOUT."))
    times = {"ms": f"{seconds * 1000:.1f}", "time": duration(timedelta(seconds=conf.retention_seconds))}
    return ok("store", _("The tracking store answers in %(ms)s ms and keeps tasks for %(time)s.") % times)


def _timed(store: Any) -> float:
    begin = time.perf_counter()
    store.ping()
    return time.perf_counter() - begin


def _memory(servers: Server | Cluster) -> Iterator[Finding]:
    """Say of each server what is wrong, and of all of them once that nothing is."""
    findings: list[Finding] = []
    for pool in servers.pools():
        with redis.Redis(connection_pool=pool) as client:
            if memory.is_the_brokers(client):
                findings.append(ok("store-memory", _("It is the broker's Redis.")))
            else:
                findings += memory.check("store-memory", client)
    wrong = [finding for finding in findings if finding.level != OK]
    yield from wrong or findings[:1]
