"""From a task's id to its objects, and from now back to the tasks published last.

The index is kept in the store like one more object a slot of time and shard of ids, so it needs nothing more of a
store. Small shards keep Redis's compact encoding; slots make the newest tasks quick to find and old ones expire.
"""

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, unquote
from zlib import crc32

from ..conf import conf
from . import facts
from .recorder import recorder
from .refs import ObjectRef
from .stamp import now_ms
from .store import INDEX

#: Slots of time that ``RETENTION`` is cut into, and shards of each.
SLOTS: Final = 12
SHARDS: Final = 64

Entry = tuple[ObjectRef, dict[str, str]]


def entry(task_id: str, refs: Iterable[ObjectRef], published: int | None) -> Entry:
    """Return what makes a task findable: ``published`` in milliseconds since the epoch, None for now."""
    slot = (now_ms() if published is None else published) // _slot_length()
    return _place(slot, _shard(task_id)), {facts.short_id(task_id): ",".join(map(_text, refs))}


def objects_of(task_id: str) -> list[ObjectRef]:
    """Return the objects of a task, its own before inherited ones. Raises StoreUnavailable."""
    places = [_place(slot, _shard(task_id)) for slot in _slots()]
    wanted = facts.short_id(task_id)
    for place, stored in zip(places, recorder().ask(lambda store: store.read(places)), strict=True):
        if wanted in stored:
            return _objects(_whole(place, wanted, stored[wanted]))
    return []


def newest(limit: int) -> list[ObjectRef]:
    """Return the objects of the ``limit`` tasks published last, and of some more. Raises StoreUnavailable."""
    found: dict[ObjectRef, None] = {}
    tasks, slots, step = 0, list(_slots()), 1
    while slots and tasks < limit:
        places = [_place(slot, shard) for slot in slots[:step] for shard in range(SHARDS)]
        slots, step = slots[step:], step * 4
        for place, stored in zip(places, recorder().ask(lambda store, asked=places: store.read(asked)), strict=True):
            tasks += len(stored)
            for name, text in stored.items():
                found.update(dict.fromkeys(_objects(_whole(place, name, text))))
    return list(found)


def _slots() -> Iterator[int]:
    """Newest first, with one more at either end: clocks differ, and the oldest slot is not over yet."""
    last = now_ms() // _slot_length() + 1
    return iter(range(last, last - SLOTS - 3, -1))


def _slot_length() -> int:
    return max(1000, conf.retention_seconds * 1000 // SLOTS)


def _shard(task_id: str) -> int:
    return crc32(task_id.encode("utf-8", "surrogatepass")) % SHARDS


def _place(slot: int, shard: int) -> ObjectRef:
    return ObjectRef(INDEX, f"{slot}-{shard}")


def _whole(place: ObjectRef, name: str, text: str | None) -> str:
    """A long value is kept apart, and few are."""
    if text is not None:
        return text
    values, _beats = recorder().ask(lambda store: store.look_up([(place, name)]))
    return values[0] or ""


def _text(ref: ObjectRef) -> str:
    pk = ref.pk if ref.pk.isalnum() and ref.pk.isascii() else quote(ref.pk, safe="", errors="surrogatepass")
    return f"{ref.label} {pk}"  # a label is two identifiers


def _objects(text: str) -> list[ObjectRef]:
    parts = (part.partition(" ") for part in text.split(",") if part)
    return [ObjectRef(label, unquote(pk, errors="surrogatepass")) for label, _, pk in parts]
