"""Where kombu keeps what in Redis, and a client of our own to look there.

kombu's own channel reads the URL and the transport options, so whatever it understands is understood here. Names are
bytes on the way to Redis and text everywhere else; what is no UTF-8 survives the journey both ways.
"""

import threading
from dataclasses import dataclass

import redis

from .redis import BrokersRedis


@dataclass(frozen=True, slots=True)
class SubQueue:
    """The list that holds a queue's messages of one priority."""

    priority: int
    key: bytes


class Keyspace:
    """One broker's keys, and the client for them. Several threads may share it."""

    def __init__(self) -> None:
        self._redis = BrokersRedis()
        self._channel = self._redis.channel
        self.client = redis.Redis(connection_pool=self._redis.pool)

    def bindings(self, exchange: str) -> bytes:
        return self._key(self._channel.keyprefix_queue % (exchange,))

    def sub_queues(self, queue: str) -> list[SubQueue]:
        """Return the queue's lists in the order in which workers empty them."""
        steps, sep = self._channel.priority_steps, self._channel.sep
        return [SubQueue(step, self._key(f"{queue}{sep}{step}" if step else queue)) for step in steps]

    @property
    def unacked(self) -> bytes:
        """The hash of the messages that workers hold."""
        return self._key(self._channel.unacked_key)

    @property
    def own_names(self) -> frozenset[str]:
        """What kombu keeps beside the queues, by names such as queues have."""
        names = ("unacked_key", "unacked_index_key", "unacked_mutex_key")
        return frozenset(getattr(self._channel, name) for name in names)

    @property
    def acknowledges(self) -> bool:
        """Whether the settings have kombu keep what workers hold."""
        return bool(self._channel.ack_emulation)

    def split(self, member: bytes) -> tuple[str, str] | None:
        """Return the routing key and the queue of a member of ``bindings``, or None when it is not kombu's."""
        parts = text_of(member).split(self._channel.sep)
        return (parts[0], parts[2]) if len(parts) == 3 and parts[2] else None

    def close(self) -> None:
        self._redis.close()

    def _key(self, name: str) -> bytes:
        return bytes_of(f"{self._channel.global_keyprefix}{name}")


_lock = threading.Lock()
_opened: dict[str, Keyspace] = {}


def keyspace(identity: str) -> Keyspace:
    """Return this process's keyspace of the broker that ``identity`` names."""
    with _lock:
        if identity not in _opened:
            _opened[identity] = Keyspace()
        return _opened[identity]


def forget() -> None:
    """Close what is open: the next question connects again."""
    with _lock:
        while _opened:
            _opened.popitem()[1].close()


def text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a name from elsewhere, which Redis cannot know
        return text.encode("utf-8", "surrogatepass")
