"""One look for all processes of the site: kept as notes in the store, else in Django's cache, where that is shared.

Whether a look is new is said by the note's time to live, so no host's clock counts. Whoever finds none claims the next
one; the others wait for it. Whatever goes wrong here, a process asks the workers itself.
"""

import hashlib
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import ceil
from typing import Final, TypeVar
from urllib.parse import quote

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache

from ... import connections
from ...concurrency import Asked
from ...conf import conf
from ...connections import target
from ...exceptions import StoreUnavailable
from ...logs import get_logger
from ...tracking import prefix
from ...tracking.recorder import recorder
from ...tracking.store import Note, Store
from . import packing
from .known_workers import REMEMBERED, KnownWorkers, Memory
from .looks import Snapshot
from .packing import Packed, Unpacked

logger = get_logger("celery_ops.workers")

T = TypeVar("T")

#: Seconds for which a look is new.
FRESH: Final = 2.0
#: Seconds for which the tasks of a look are kept, and for which it is known that something was changed.
KEPT: Final = 60.0
#: Seconds beyond a round's deadline for which somebody who claimed one may be at work.
CLEARING: Final = 0.5
#: Bytes of a stamp that are read.
LONGEST_STAMP: Final = 100
#: Seconds that Django's cache may take, and for which one that did not answer is left alone.
CACHE_TIMEOUT: Final = 0.25
CACHE_RESTS: Final = 30.0

#: Django's caches that only one process has, or whose rows a request's transaction would lock for all others.
UNSHARED: Final = (LocMemCache, DummyCache, DatabaseCache)


@dataclass(frozen=True, slots=True)
class LookStamp:
    """What is said of the newest look without reading it. ``token`` is empty when there is none that is new.

    ``change`` names the last change that somebody made to workers or queues, ``is_asked`` says that somebody asks them
    at this moment.
    """

    token: str = ""
    left: float = 0.0
    change: str = ""
    is_asked: bool = False


class Board:
    """The notes about the workers of one broker. Nothing here raises."""

    def __init__(self) -> None:
        self._name = _name()
        self._place: Place | None = None

    def stamp(self) -> LookStamp | None:
        """Return what is known of the newest look; None where nothing is shared."""
        notes = self._find("stamp", "change", "asking")
        if notes is None:
            return None
        stamp, change, asking = notes
        token, _, noticed = _text(stamp).partition(" ")
        left = FRESH if stamp is None or stamp.left is None else stamp.left
        is_new = left <= FRESH and _text(change) in ("", noticed)
        return LookStamp(token if is_new else "", left, _text(change), asking is not None)

    def claim(self) -> bool:
        """Return whether it is for this process to ask the workers: nobody else does."""
        place, seconds = self._place, connections.CONNECT_TIMEOUT + conf.CONTROL_TIMEOUT + CLEARING
        return place is None or place.add(self._key("asking"), b"1", seconds)

    def give_up(self) -> None:
        """Let another one ask."""
        self._write({"asking": (b"", 0)})

    def read(self, *, unless: str = "") -> Unpacked | None:
        """Return the last look, however old; None when there is none that can be read, or its token is ``unless``."""
        workers, tasks = self._read("workers", "tasks") or (None, None)
        if workers is None or packing.token_of(workers.value) == unless:
            return None
        age = None if workers.left is None else max(0.0, REMEMBERED.total_seconds() - workers.left)
        return packing.unpacked(workers.value, tasks.value if tasks else b"", lambda there: _here(there, age))

    def write(self, snapshot: Snapshot, memory: Memory, change: str) -> str:
        """Tell what was found by one who knew of this ``change``. Return its token, empty when nobody is told."""
        if self._place is None:
            return ""
        token = secrets.token_hex(packing.TOKEN // 2)
        packed = _packed(snapshot, memory, token)
        if not packed.workers:
            self.give_up()
            return ""
        is_told = self._write(
            {
                "workers": (packed.workers, REMEMBERED.total_seconds()),
                "tasks": (packed.tasks, KEPT if packed.tasks else 0),
                "stamp": (f"{token} {change}".encode(), FRESH),
                "asking": (b"", 0),
            }
        )
        return token if is_told else ""

    def change(self) -> bool:
        """Have every process ask anew, since something was just changed. Return whether they are told."""
        return self._find("change") is not None and self._write({"change": (secrets.token_hex(8).encode(), KEPT)})

    def recall(self, name: str) -> Note | None:
        """Return something else that another process has told, if it has."""
        (note,) = self._find(name) or [None]
        return note

    def tell(self, name: str, value: bytes, seconds: float) -> None:
        """Tell the others something else, for so many seconds; nothing is not told."""
        if value:
            self._write({name: (value, seconds)})

    def forget(self, name: str) -> None:
        """Tell the others no more what was told."""
        if self._find(name) is not None:
            self._write({name: (b"", 0)})

    def _find(self, *names: str) -> list[Note | None] | None:
        """Read at the first place that answers, and stay with it until the next look."""
        for place in _PLACES if self._name else ():
            notes = place.read([self._key(name) for name in names])
            if notes is not None:
                self._place = place
                return notes
        self._place = None
        return None

    def _read(self, *names: str) -> list[Note | None] | None:
        place = self._place
        return None if place is None else place.read([self._key(name) for name in names])

    def _write(self, notes: Mapping[str, tuple[bytes, float]]) -> bool:
        place = self._place
        return place is not None and place.write({self._key(name): note for name, note in notes.items()})

    def _key(self, name: str) -> str:
        return f"look-{packing.VERSION}-{self._name}-{name}"


def teach(workers: KnownWorkers) -> None:
    """Have a process that knows no workers yet know those that others do."""
    board = Board()
    if board.stamp() is not None and (look := board.read()) is not None:
        workers.adopt(look.memory)


def _packed(snapshot: Snapshot, memory: Memory, token: str) -> Packed:
    """A look that cannot be told must not cost the page of whoever made it."""
    try:
        packed = packing.packed(snapshot, memory, token)
    except Exception:
        logger.warning("What the workers say cannot be shared by the site's processes", exc_info=True)
        return Packed()
    if not packed.workers:
        logger.warning("There are too many workers for the site's processes to share what they say.")
    return packed


def _name() -> str:
    """Return what stands for the broker in a note's name: not its login. Empty where its workers are only our own."""
    broker, app = target.target(), conf.celery_app.conf
    if not broker.place or broker.driver == "memory":
        return ""
    options = app.broker_transport_options or {}
    parts = [broker.driver, broker.place, app.control_exchange]
    parts += [str(options.get(name, "")) for name in ("global_keyprefix", "master_name")]
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _text(note: Note | None) -> str:
    return "" if note is None else note.value[:LONGEST_STAMP].decode("utf-8", "replace")


def _here(there: datetime, age: float | None) -> datetime:
    """Return when a look was collected by the clock here; ``there`` is the other host's, which may differ."""
    now = datetime.now(timezone.utc)
    return min(there, now) if age is None else now - timedelta(seconds=age)


# -- where notes are kept ---------------------------------------------------------------------------------------------


class Place(ABC):
    """Where notes are kept. Nothing raises: a place that does not answer has nothing, and takes nothing."""

    @abstractmethod
    def read(self, names: Sequence[str]) -> list[Note | None] | None:
        """Return None where it keeps none or does not answer."""

    @abstractmethod
    def write(self, notes: Mapping[str, tuple[bytes, float]]) -> bool: ...

    @abstractmethod
    def add(self, name: str, value: bytes, seconds: float) -> bool: ...


class InStore(Place):
    def read(self, names: Sequence[str]) -> list[Note | None] | None:
        # one at hand is this process's own: there is nobody to share a look with
        return self._ask(lambda store: None if store.is_at_hand else store.read_notes(names), None)

    def write(self, notes: Mapping[str, tuple[bytes, float]]) -> bool:
        return self._ask(lambda store: store.write_notes(notes), False)

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        return self._ask(lambda store: store.add_note(name, value, seconds), True)

    @staticmethod
    def _ask(question: Callable[[Store], T], otherwise: T) -> T:
        try:
            return recorder().ask(question)
        except StoreUnavailable:
            return otherwise


class InCache(Place):
    """Django's default cache. It is asked in a thread: some wait for ever on a server that is frozen."""

    def __init__(self) -> None:
        self.rests_until = 0.0

    def read(self, names: Sequence[str]) -> list[Note | None] | None:
        keys = list(map(_cache_key, names))
        values = self._ask(lambda cache: cache.get_many(keys), None)
        if not isinstance(values, dict):
            return None
        return [Note(value) if isinstance(value := values.get(key), bytes) else None for key in keys]

    def write(self, notes: Mapping[str, tuple[bytes, float]]) -> bool:
        def write(cache: BaseCache) -> bool:
            for name, (value, seconds) in notes.items():
                cache.set(_cache_key(name), value, ceil(seconds))
            return True

        return self._ask(write, False)

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        return bool(self._ask(lambda cache: cache.add(_cache_key(name), value, ceil(seconds)), True))

    def _ask(self, question: Callable[[BaseCache], T], otherwise: T) -> T:
        if time.monotonic() < self.rests_until or not _is_shared():
            return otherwise
        try:
            return Asked(lambda: question(caches[DEFAULT_CACHE_ALIAS]), "notes").answer(CACHE_TIMEOUT)
        except Exception as error:
            logger.warning("Django's cache does not keep what the workers say: %s", type(error).__name__)
            self.rests_until = time.monotonic() + CACHE_RESTS
            return otherwise


def _is_shared() -> bool:
    try:
        return not isinstance(caches[DEFAULT_CACHE_ALIAS], UNSHARED)
    except Exception as error:  # of a backend that cannot be made: the site's checks say so
        logger.debug("There is no cache: %s", type(error).__name__)
        return False


def _cache_key(name: str) -> str:
    return f"{quote(prefix.of_workers(), safe='')}:{name}"


_in_cache = InCache()
_PLACES: Final = (InStore(), _in_cache)


def forget() -> None:
    """Ask a cache again that did not answer."""
    _in_cache.rests_until = 0.0
