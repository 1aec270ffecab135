"""What a broker can say of its queues, whichever it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kombu.entity import Queue

from ....info import Binding, MessageInfo
from ..declarations import Declaration

#: How many messages of a queue's head are shown.
HEAD = 20


@dataclass(frozen=True, slots=True)
class QueueReading:
    """What the broker says of one queue; None is unknown. ``oldest`` is when its oldest message was published."""

    is_there: bool = False
    depth: int | None = None
    unacked: int | None = None
    consumers: int | None = None
    oldest: datetime | None = None
    priorities: Mapping[int, int] = field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    messages: tuple[MessageInfo, ...] | None = None


class Transport:
    """A broker of which no number is known to be right. ``identity`` keeps one broker's connections from another's."""

    supports_unacked = False
    supports_oldest_age = False
    supports_messages = False
    supports_changes = False

    def __init__(self, identity: str = "") -> None:
        self.identity = identity

    def read(self, declared: Mapping[str, Declaration], only: str | None, until: float) -> Mapping[str, QueueReading]:
        """Return what the broker says of the declared queues and of others that it has, or ``only`` of that one.

        With ``only`` the reading has the head's messages too. ``until`` is when, on the monotonic clock, the time is
        up: what is not asked by then is left out. Raises whatever the broker's client does.
        """
        return {name: QueueReading() for name in declared if only in (None, name)}

    def message(self, queues: Sequence[str], task_id: str) -> tuple[str, MessageInfo] | None:
        """Return the queue in which a task's message waits, and the message. Raises whatever the client does."""
        return None

    def waiting(self, queue: str, task_ids: Sequence[str]) -> list[str]:
        """Return the ids of these of which a message waits. Raises whatever the broker's client does."""
        return []

    def delete(self, queue: str, task_ids: Sequence[str]) -> list[str]:
        """Delete the messages of these ids, and return the ids of those that were there."""
        raise NotImplementedError("this broker cannot delete single messages")

    def move(self, queue: str, task_ids: Sequence[str], to: str) -> list[str]:
        """Put the messages of these ids at the end of another queue, and return the ids of those that were there."""
        raise NotImplementedError("this broker cannot move single messages")

    def refusal(self, queue: Queue) -> str:
        """Return why the broker would refuse who declares a queue so, in its own words; "" when it says nothing."""
        return ""
