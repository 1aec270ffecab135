"""Which broker the settings name, in words that carry none of its credentials."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from amqp.exceptions import AccessRefused, ResourceLocked
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.transport import redis as kombu_redis

from .. import connections
from ..conf import conf
from ..logs import get_logger

logger = get_logger("celery_ops.backends")

#: Stands for kombu's driver type where a URL says ``redis+cluster``: none of kombu's transports speaks to a cluster.
CLUSTER: Final = "redis-cluster"

#: How it says that it does not let us.
REFUSALS: Final = (redis.AuthenticationError, redis.ResponseError, AccessRefused, ResourceLocked)

NAMES: Final = {"redis": "Redis", "amqp": "RabbitMQ", CLUSTER: "Redis Cluster"}


@dataclass(frozen=True, slots=True)
class Target:
    """A broker: kombu's driver type for it, what it is called, and where it is. All empty when no URL can be read.

    ``identity`` is the same for as long as the settings name the same broker in the same way. It is not for showing.
    """

    identity: str
    driver: str = ""
    name: str = ""
    place: str = ""

    def __str__(self) -> str:
        if not self.name:
            return _("a broker whose URL cannot be read")
        return _("%(broker)s at %(place)s") % {"broker": self.name, "place": self.place} if self.place else self.name


def target() -> Target:
    """Return the broker of the app's settings. Connects to nothing and raises nothing."""
    site = conf.celery_app.conf
    identity = repr([connections.broker(), site.broker_transport_options, site.broker_use_ssl])
    try:
        return _target(identity, str(site.broker_transport))
    except Exception as error:  # of kombu, of the URL, or of a client library that is not installed
        logger.warning("The broker's URL cannot be used: %s", type(error).__name__)  # its message may quote a password
        return Target(identity)


@lru_cache(maxsize=16)  # kombu takes long to make the connections that tell
def _target(identity: str, _transport: str) -> Target:
    """Return the broker that the settings name now. Raises what kombu does when it can read nothing of them."""
    addresses = [*connections.addresses()]
    transport, driver = addresses[0].transport_cls, _driver(addresses[0])
    name = NAMES.get(driver) or str(transport or driver)
    return Target(identity, driver, name, ", ".join(filter(None, dict.fromkeys(map(_place, addresses)))))


def is_misled() -> bool:
    """Return whether the broker is a Redis Cluster by its URL, and kombu's Redis, which goes to localhost then."""
    made = connections.connection()
    return _driver(made) == CLUSTER and made.get_transport_cls() is kombu_redis.Transport


def _driver(connection: Any) -> str:
    if str(connection.hostname).startswith("cluster://"):  # kombu takes what stands before the plus for the transport
        return CLUSTER
    return connection.get_transport_cls().driver_type or ""


def _place(connection: Any) -> str:
    host = connection.hostname or ""
    if "://" in host:  # kombu leaves URLs of files and databases whole
        parts = urlsplit(host)
        place = f"{parts.hostname or ''}{parts.path}"
    else:
        port = connection.port or connection.get_transport_cls().default_port
        place = f"{host}:{port}/{str(connection.virtual_host).lstrip('/')}" if host and port else host
    return "" if "@" in place else place.rstrip("/")


def is_refused(error: BaseException) -> bool:
    """Return whether the broker has answered, and does not let us do this."""
    return any(isinstance(cause, REFUSALS) for cause in _chain(error))


def reason(error: BaseException) -> str | Promise:
    """Return why the broker did not answer. Only the kind of an error is told: its text may quote a password."""
    causes = list(_chain(error))
    for kinds, words in (
        (REFUSALS, gettext_lazy("it refuses this login or question")),
        (ConnectionRefusedError, gettext_lazy("the connection was refused")),
        (socket.gaierror, gettext_lazy("its name is not known")),
        ((TimeoutError, redis.TimeoutError), gettext_lazy("there was no answer in time")),
    ):
        if any(isinstance(cause, kinds) for cause in causes):
            return words
    return type(causes[-1]).__name__ if len(causes) > 1 else gettext_lazy("there was no answer in time")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
