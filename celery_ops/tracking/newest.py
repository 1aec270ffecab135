"""The tasks that were published last, whatever they belong to: from now backwards through the index.

An entry says when its task was published, so no more is read than is wanted. Of hours that have many tasks one shard
tells since when about as many were published as are wanted, and of all others a store sends what is not older.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product
from operator import methodcaller
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from . import facts, prefix
from .index import LATER, SHARDS, SLOTS, Fields, kept_slots, objects_in, place_at, slot_length, time_in
from .recorder import recorder
from .refs import ObjectRef
from .stamp import now_ms
from .store import Store

#: Shards of a slot that are counted first.
SAMPLE: Final = 4
#: Entries of some slots up to which all of them are read, and beyond which none is that nobody needs.
CROWDED: Final = 4_000
MOST_READ: Final = 100_000
#: Entries that a store goes through at once: whoever writes to it, or publishes by it, waits meanwhile.
AT_ONCE: Final = 8_000
#: Of how many more tasks than are wanted it is told when they were published: those of other shards are spread
#: otherwise, and some tasks are gone.
SPARE: Final = 1.25
SPARE_OF_SHARD: Final = 8
#: Milliseconds by which the index may have heard of a task later than the task itself says, where nobody timed its
#: publish.
HEARD_LATER: Final = 10_000
#: Seconds for which a slot that ended is not read again, and the most tasks of one that are kept.
KNOWN_FOR: Final = 60.0
MOST_KNOWN: Final = 1000

#: Before every task.
NEVER: Final = -(2**62)


class Listed(NamedTuple):
    """A task of the index: when it was published, in milliseconds since the epoch, its short id and its objects.

    A publish of which nobody said when counts from when it was heard of. The time is None where an older version wrote
    it.
    """

    at: int | None
    short: str
    text: str

    @property
    def refs(self) -> list[ObjectRef]:
        return objects_in(self.text)


class _TooMany(Exception):
    """So many tasks come that even to look for the newest takes long."""


def newest_tasks(limit: int) -> dict[str, list[ObjectRef]] | None:
    """Return the tasks published last, by id, with their objects: ``limit``, and some more where an older version
    wrote of them. None when so many come that to look for them takes long. Raises StoreUnavailable."""
    tasks: dict[str, list[ObjectRef]] = {}
    try:
        for _since, listed in newest_first(limit, most=MOST_READ):
            wanted = len(undated(listed)) + max(0, limit - len(tasks))
            tasks |= {facts.long_id(entry.short): entry.refs for entry in listed[:wanted]}
            if len(tasks) >= limit:
                break
    except _TooMany:
        return None
    return tasks


def newest_first(
    limit: int, until: int | None = None, *, most: int | None = None
) -> Iterator[tuple[int, Sequence[Listed]]]:
    """Yield the tasks that were published by then, the newest first, in parts: each with since when it has them all.

    Times are in milliseconds since the epoch; some came after ``until``. About ``limit`` are wanted, and each is told
    once. Those come first in a part of which it is not known when they were published. Raises StoreUnavailable.
    """
    told: set[str] = set()
    left: list[Listed] = []  # published before the slots that are read
    for since, entries in _parts(limit, None if until is None else until + HEARD_LATER, most):
        untold = sorted((entry for entry in chain(left, entries) if entry.short not in told), key=_age)
        part = {entry.short: entry for entry in untold if entry.at is None or entry.at >= since}
        told |= part.keys()
        left = [entry for entry in untold if entry.short not in told]
        yield since, sorted(part.values(), key=_age, reverse=True)
    yield NEVER, sorted({entry.short: entry for entry in left}.values(), key=_age, reverse=True)


def undated(listed: Sequence[Listed]) -> list[Listed]:
    """Return those of which it is not known when they were published."""
    return [entry for entry in listed if entry.at is None]


def _age(listed: Listed) -> tuple[bool, int, str]:
    return listed.at is None, listed.at or 0, listed.short


def _parts(limit: int, until: int | None, most: int | None) -> Iterator[tuple[int, Iterable[Listed]]]:
    """Yield entries, from now backwards, each time with since when there is none that was not yielded."""
    length = slot_length()
    for slots in _steps_back([slot for slot in kept_slots() if until is None or slot * length <= until]):
        number = _about(slots)
        if most is not None and number > most:
            raise _TooMany
        for since in _moments(slots, limit, until) if number > CROWDED else ():
            yield since, _entries_between(slots, since, until, max(1, AT_ONCE * SHARDS // number))
        yield slots[-1] * length, (entry for entry in _entries_of(slots) if _is_until(entry, until))


def _is_until(listed: Listed, until: int | None) -> bool:
    return until is None or listed.at is None or listed.at <= until


def _steps_back(slots: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield the slots that are read at once: more and more, since what there is to find is mostly in the newest."""
    step = 3
    while slots:
        yield slots[:step]
        slots, step = slots[step:], step * 4


def _about(slots: Sequence[int]) -> int:
    """Return how many entries must be read to know all of these slots, about; the next one has hardly any."""
    old, now = _old(), now_ms() // slot_length()
    unknown = [slot for slot in slots if slot <= now and old.get(slot) is None]
    sample = [place_at(slot, shard) for slot, shard in product(unknown, range(SAMPLE))]
    return sum(recorder().ask(lambda store: store.sizes(sample))) * SHARDS // SAMPLE if sample else 0


def _moments(slots: Sequence[int], limit: int, until: int | None) -> Iterator[int]:
    """Yield since when about as many tasks were published as are wanted, and then four times as many each time.

    One shard tells, for ids are spread evenly; nothing where an older version wrote a part of it.
    """
    sample = list(chain.from_iterable(_read([(slot, 0) for slot in slots])))
    times = sorted((entry.at for entry in sample if entry.at is not None and _is_until(entry, until)), reverse=True)
    if undated(sample):
        return
    rank = int(limit * SPARE / SHARDS) + SPARE_OF_SHARD
    while rank < len(times):
        yield times[rank]
        rank *= 4


def _entries_between(slots: Sequence[int], since: int, until: int | None, at_once: int) -> Iterator[Listed]:
    """Yield the entries of these slots from then to then, and those that do not say of when they are.

    So many shards are asked ``at_once``.
    """
    length = slot_length()
    latest = (slots[0] + 1) * length if until is None else until
    slots = [slot for slot in slots if (slot + 1) * length > since]
    for begin in range(0, SHARDS, at_once):
        places = [*product(slots, range(begin, min(begin + at_once, SHARDS)))]
        wanted = [(place_at(slot, shard), since - slot * length, latest - slot * length) for slot, shard in places]
        kept = recorder().ask(methodcaller("read_between", wanted))
        for entry in chain.from_iterable(_listed(places, kept)):
            if entry.at is None or since <= entry.at <= latest:
                yield entry


def _entries_of(slots: Sequence[int]) -> Iterator[Listed]:
    """Yield the entries of slots; those that ended a while ago are not read again for some seconds."""
    old = _old()
    known = {slot: entries for slot in slots if (entries := old.get(slot)) is not None}
    places = [(slot, shard) for slot in slots if slot not in known for shard in range(SHARDS)]
    read: dict[int, list[Listed]] = {}
    for (slot, _shard), entries in zip(places, _read(places), strict=True):
        read.setdefault(slot, []).extend(entries)
    for slot, entries in read.items():
        old.keep(slot, entries)
    return chain.from_iterable((known | read).values())


def _read(places: Sequence[tuple[int, int]]) -> list[list[Listed]]:
    """Return what each of these shards of slots has."""
    refs = [place_at(slot, shard) for slot, shard in places]
    return _listed(places, recorder().ask(lambda store: store.read(refs)) if refs else ())


def _listed(places: Sequence[tuple[int, int]], kept: Sequence[Fields]) -> list[list[Listed]]:
    """Return the entries in these shards of slots; long values are fetched, in one round trip if there are any."""
    lists: list[list[Listed]] = []
    texts = _long_texts(places, kept)
    length = slot_length()
    for (slot, shard), stored in zip(places, kept, strict=True):
        begin = slot * length
        whole = ((name, texts[slot, shard, name] if text is None else text) for name, text in stored.items())
        lists.append([Listed(time_in(text, begin), name, text) for name, text in whole if facts.is_short_id(name)])
    return lists


def _long_texts(places: Sequence[tuple[int, int]], kept: Sequence[Fields]) -> dict[tuple[int, int, str], str]:
    names: list[tuple[int, int, str]] = []
    for place, stored in zip(places, kept, strict=True):
        names += ((*place, name) for name, text in stored.items() if text is None)
    fields = [(place_at(slot, shard), name) for slot, shard, name in names]
    values = recorder().ask(lambda store: store.look_up(fields))[0] if fields else ()
    return {name: value or "" for name, value in zip(names, values, strict=True)}


class OldSlots:
    """What the slots of a store hold into which nothing is written any more, unless the store was away.

    Kept for so many seconds, where these are not more than so many tasks.
    """

    def __init__(self, seconds: float = KNOWN_FOR, most: int = MOST_KNOWN) -> None:
        self.seconds, self.most = seconds, most
        self._kept: dict[tuple[str, int, int], tuple[float, list[Listed]]] = {}

    def get(self, slot: int) -> list[Listed] | None:
        read_at, tasks = self._kept.get(self._key(slot), (float("-inf"), []))
        return tasks if time.monotonic() - read_at < self.seconds else None

    def keep(self, slot: int, tasks: list[Listed]) -> None:
        if (slot + 1) * slot_length() + LATER < now_ms() and len(tasks) <= self.most:
            if len(self._kept) > 10 * SLOTS:
                self._kept.clear()  # of slots that are gone, or of many tenants
            self._kept[self._key(slot)] = time.monotonic(), tasks

    def _key(self, slot: int) -> tuple[str, int, int]:
        return prefix.current(), slot_length(), slot


_old_slots: Final[WeakKeyDictionary[Store, OldSlots]] = WeakKeyDictionary()


def _old() -> OldSlots:
    return _old_slots.setdefault(recorder().store, OldSlots())
