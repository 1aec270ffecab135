"""Redis: single messages found, deleted, and moved.

A message that a worker takes meanwhile is gone: it is deleted or moved by its exact bytes, and only once.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ....connections.keyspace import Keyspace
from .scripts import LONGEST_MESSAGE, MOST_BYTES, MOVE, SEARCH

#: Messages of a list that are gone through, from the next one on, and bytes of them.
MOST_MESSAGES: Final = 10_000
MOST_SEARCHED: Final = 8 * MOST_BYTES
#: Messages that Redis goes through for one answer.
AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that waits: ``place`` is the number of its sub-queue, ``size`` its length in bytes."""

    task_id: str
    place: int
    key: bytes
    raw: bytes
    size: int


def find(keys: Keyspace, queue: str, task_ids: Sequence[str]) -> list[WaitingMessage]:
    """Return the next message of each id that one waits for."""
    return _next_messages(keys, queue, task_ids, MOST_BYTES)


def find_bare(keys: Keyspace, queue: str, task_ids: Sequence[str]) -> list[WaitingMessage]:
    """Return the next message of each id, to be looked at: ``raw`` of a long one has no body."""
    return _next_messages(keys, queue, task_ids, LONGEST_MESSAGE)


def _next_messages(keys: Keyspace, queue: str, task_ids: Sequence[str], longest: int) -> list[WaitingMessage]:
    wanted, messages = dict.fromkeys(task_ids), []
    for message in _messages(keys, queue, wanted, longest):
        if message.task_id in wanted:
            del wanted[message.task_id]
            messages.append(message)
        if not wanted:
            break
    return messages


def delete(keys: Keyspace, queue: str, task_ids: Sequence[str]) -> list[str]:
    """Delete one message of each id, and return the ids of those that were still there."""
    messages = find(keys, queue, task_ids)
    remove = keys.client.lrem
    return [
        message.task_id
        for message in messages
        if remove(message.key, -1, message.raw)  # type: ignore[arg-type]  # redis-py takes bytes as well
    ]


def move(keys: Keyspace, queue: str, task_ids: Sequence[str], to: str) -> list[str]:
    """Put one message of each id at the end of the queue ``to``; return the ids of those that were still there."""
    targets = keys.sub_queues(to)
    return [
        message.task_id
        for message in find(keys, queue, task_ids)
        if keys.client.eval(MOVE, 2, message.key, targets[message.place].key, message.raw, _addressed(message.raw, to))
    ]


def _messages(keys: Keyspace, queue: str, wanted: Iterable[str], longest: int) -> Iterator[WaitingMessage]:
    """Yield the messages that may be meant, those that are taken next first."""
    texts = [json.dumps(task_id)[1:-1] for task_id in wanted]
    for place, sub_queue in enumerate(keys.sub_queues(queue)):
        for size, raw in _raw_messages(keys, sub_queue.key, texts, longest):
            yield WaitingMessage(_task_id(raw), place, sub_queue.key, raw, size)


def _raw_messages(keys: Keyspace, key: bytes, texts: Sequence[str], longest: int) -> Iterator[tuple[int, bytes]]:
    first, room = 0, MOST_SEARCHED
    while first < MOST_MESSAGES and room > 0:
        gone, size, *messages = keys.client.eval(SEARCH, 1, key, first, AT_ONCE, longest, MOST_BYTES, *texts)
        yield from messages
        first, room = first + gone, room - size
        if gone < AT_ONCE and size < MOST_BYTES:  # the end
            return


def _task_id(raw: bytes) -> str:
    headers = _read(raw).get("headers")
    task_id = headers.get("id") if isinstance(headers, dict) else None
    return task_id if isinstance(task_id, str) else ""


def _addressed(raw: bytes, queue: str) -> bytes:
    """The message as if it had been sent to this queue: whoever puts it back goes by what it says."""
    message = _read(raw)
    properties = message.get("properties")
    if isinstance(properties, dict):
        properties["delivery_info"] = {"exchange": "", "routing_key": queue}
    return json.dumps(message).encode()


def _read(raw: bytes) -> dict[str, Any]:
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
