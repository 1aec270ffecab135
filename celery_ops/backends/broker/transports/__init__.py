"""What each of kombu's transports can tell of its queues."""

from .amqp import AmqpTransport
from .base import QueueReading, Transport
from .local import FilesystemTransport, LocalTransport
from .redis import RedisTransport

__all__ = ["QueueReading", "Transport", "transport"]

#: By kombu's ``driver_type``: of every other one no number is known to be right.
TRANSPORTS: dict[str, type[Transport]] = {
    "redis": RedisTransport,
    "amqp": AmqpTransport,
    "memory": LocalTransport,
    "filesystem": FilesystemTransport,
}


def transport(driver: str, identity: str) -> Transport:
    """Return what reads the broker that ``identity`` names."""
    return TRANSPORTS.get(driver, Transport)(identity)
