"""Redis: two round trips for all queues. One asks what is bound to the exchanges, the other all numbers.

Depths come from plain commands. Messages are looked at by scripts, which hand over the short ones, and of the others
what is not their body: a broker that runs none leaves unknown what only they can tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final

from redis.exceptions import ResponseError

from ....conf import conf
from ....connections.keyspace import Keyspace, SubQueue, keyspace
from ....info import Binding, MessageInfo
from ..declarations import LONGEST_NAME, Declaration, is_internal
from . import changes, unacked
from .base import HEAD, QueueReading, Transport
from .messages import message_info
from .scripts import HEADS, LONGEST_MESSAGE, MOST_BYTES
from .unacked import Unacked

#: Queues of one exchange that are looked for: a set in Redis may hold any number.
MOST_BINDINGS: Final = 1000
#: Messages held by workers that are gone through, and how many bytes of them.
MOST_UNACKED: Final = 500
MOST_UNACKED_BYTES: Final = 16 * 1024 * 1024
Command = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class BoundQueue:
    """A queue that the broker has bound to an exchange."""

    queue: str
    binding: Binding


@dataclass(frozen=True, slots=True)
class CountedSubQueue:
    """A sub-queue's length and its head; None is what Redis does not say."""

    priority: int
    length: int | None
    head: tuple[MessageInfo, ...] | None


class RedisTransport(Transport):
    supports_unacked = True
    supports_oldest_age = True
    supports_messages = True
    supports_changes = True

    def read(self, declared: Mapping[str, Declaration], only: str | None, until: float) -> Mapping[str, QueueReading]:
        keys = keyspace(self.identity)
        bound = list(_bound_queues(keys, declared))
        names = {*declared, *(bound_queue.queue for bound_queue in bound)}
        if only is not None:
            names &= {only}
        return _readings(keys, sorted(names), bound, peek=only is not None) if names else {}

    def message(self, queues: Sequence[str], task_id: str) -> tuple[str, MessageInfo] | None:
        keys = keyspace(self.identity)
        for queue in queues:
            for waiting in changes.find_bare(keys, queue, [task_id]):
                return queue, message_info(waiting.raw, waiting.size)
        return None

    def waiting(self, queue: str, task_ids: Sequence[str]) -> list[str]:
        return [message.task_id for message in changes.find(keyspace(self.identity), queue, task_ids)]

    def delete(self, queue: str, task_ids: Sequence[str]) -> list[str]:
        return changes.delete(keyspace(self.identity), queue, task_ids)

    def move(self, queue: str, task_ids: Sequence[str], to: str) -> list[str]:
        return changes.move(keyspace(self.identity), queue, task_ids, to)


def _bound_queues(keys: Keyspace, declared: Mapping[str, Declaration]) -> Iterator[BoundQueue]:
    kinds: dict[str, str] = {}
    for binding in chain.from_iterable(declaration.bindings for declaration in declared.values()):
        if binding.exchange:  # the broker itself does not say of which type one is
            kinds[binding.exchange] = kinds.get(binding.exchange) or binding.exchange_type
    answers = _ask(keys, [("SRANDMEMBER", keys.bindings(exchange), MOST_BINDINGS) for exchange in kinds])
    for (exchange, kind), members in zip(kinds.items(), answers, strict=True):
        for routing_key, queue in _members(keys, members):
            if queue in declared or not is_internal(queue, conf.celery_app):
                yield BoundQueue(queue, Binding(exchange, kind, routing_key))


def _members(keys: Keyspace, members: Any) -> Iterator[tuple[str, str]]:
    for member in sorted(members) if isinstance(members, list) else ():
        names = keys.split(member)
        if names is not None and max(map(len, names)) <= LONGEST_NAME:
            yield names


def _readings(
    keys: Keyspace, names: Sequence[str], bound: Sequence[BoundQueue], *, peek: bool
) -> dict[str, QueueReading]:
    lists = [keys.sub_queues(name) for name in names]
    flat = [*chain.from_iterable(lists)]
    bounds = (HEAD if peek else 1, LONGEST_MESSAGE, MOST_BYTES)
    *lengths, heads, ends = _ask(
        keys,
        [
            *(("LLEN", sub_queue.key) for sub_queue in flat),
            ("EVAL", HEADS, len(flat), *(sub_queue.key for sub_queue in flat), *bounds),
            ("EVAL", unacked.SCRIPT, 1, keys.unacked, MOST_UNACKED, unacked.END, MOST_UNACKED_BYTES),
        ],
    )
    _raise_if_refused(lengths)
    if not isinstance(heads, list):
        heads = [None] * len(flat)
    counted = iter([_counted_sub_queue(*answers) for answers in zip(flat, lengths, heads, strict=True)])
    held = _unacked(keys, ends, bound)
    bindings: dict[str, list[Binding]] = {name: [] for name in names}
    for bound_queue in bound:
        bindings.get(bound_queue.queue, []).append(bound_queue.binding)
    readings: dict[str, QueueReading] = {}
    for name, sub_queues in zip(names, lists, strict=True):
        of_this_one = [*islice(counted, len(sub_queues))]
        readings[name] = _reading(of_this_one, tuple(bindings[name]), held.of(name), peek=peek)
    return readings


def _ask(keys: Keyspace, commands: Sequence[Command]) -> list[Any]:
    """Send the commands at once and return an answer for each, refusals among them."""
    if not commands:
        return []
    with keys.client.pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        return pipeline.execute(raise_on_error=False)


def _raise_if_refused(lengths: Sequence[Any]) -> None:
    """A key of another type is one queue's trouble; when everything is refused the broker says why."""
    refusals = [answer for answer in lengths if isinstance(answer, ResponseError)]
    if len(refusals) == len(lengths) and not str(refusals[0]).startswith("WRONGTYPE"):
        raise refusals[0]


def _counted_sub_queue(sub_queue: SubQueue, length: Any, head: Any) -> CountedSubQueue:
    return CountedSubQueue(
        sub_queue.priority,
        length if isinstance(length, int) else None,
        None if head is None else tuple(message_info(raw, size, sub_queue.priority) for size, raw in head),
    )


def _unacked(keys: Keyspace, ends: Any, bound: Sequence[BoundQueue]) -> Unacked:
    bindings: dict[str, list[tuple[str, str]]] = {}
    for bound_queue in bound:
        binding = bound_queue.binding
        key = "#" if binding.exchange_type == "fanout" else binding.routing_key
        bindings.setdefault(binding.exchange, []).append((key, bound_queue.queue))
    return Unacked(ends if isinstance(ends, list) and keys.acknowledges else None, bindings)


def _reading(
    counted: Sequence[CountedSubQueue], bindings: tuple[Binding, ...], held: int | None, *, peek: bool
) -> QueueReading:
    lengths = {sub_queue.priority: sub_queue.length for sub_queue in counted if sub_queue.length is not None}
    is_counted = all(sub_queue.length is not None for sub_queue in counted)
    depth = sum(lengths.values()) if is_counted else None
    return QueueReading(
        is_there=bool(bindings or depth),
        depth=depth,
        unacked=held,
        oldest=_oldest(counted),
        priorities=lengths if is_counted else {},
        bindings=bindings,
        messages=_messages(counted) if peek else None,
    )


def _oldest(counted: Sequence[CountedSubQueue]) -> datetime | None:
    """Return when the oldest message was published, or None when one that may be the oldest does not say it."""
    waiting = [sub_queue.head for sub_queue in counted if sub_queue.length != 0]
    times = [head[0].published_at if head else None for head in waiting]
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None


def _messages(counted: Sequence[CountedSubQueue]) -> tuple[MessageInfo, ...] | None:
    heads = [sub_queue.head for sub_queue in counted]
    known = [head for head in heads if head is not None]
    return tuple(chain.from_iterable(known))[:HEAD] if len(known) == len(heads) else None
