"""A store in this process's memory: for tests, and for sites that run their tasks eagerly."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from . import prefix
from .deriving import derive
from .lives import by_life
from .log_fields import MOST_FIELDS, oldest_attempts
from .refs import ObjectRef
from .signs import Sign
from .stamp import now_ms
from .store import (
    BEAT_COUNTS,
    LOG,
    SIGNS_KEPT,
    TASKS_KEPT,
    UNTRIMMED,
    WORKFLOW,
    Batch,
    Note,
    Store,
    add_fields,
    lifetime,
)
from .tallies import REMEMBERED, Added, Row, Tallies, Wanted
from .tally_memory import KeptRow
from .workflows import sizes as workflow_sizes

#: Whose object it is, and which.
Key = tuple[str, ObjectRef]


class MemoryStore(Store):
    is_at_hand = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[Key, dict[str, str]] = {}
        self._expires: dict[Key, float] = {}
        self._beats: dict[str, tuple[int, float]] = {}
        self._signs: dict[str, Sign] = {}
        self._rows: dict[tuple[str, str], KeptRow] = {}
        self._notes: dict[tuple[str, str], tuple[bytes, float]] = {}  # and until when each is kept
        self._added: dict[tuple[str, str], float] = {}  # until when it is remembered, by prefix and ``once``

    def write(self, batch: Batch) -> int:
        with self._lock:
            self._forget_expired()
            for ref, fields in batch:
                key = _key(ref)
                kept = self._objects.setdefault(key, {})
                add_fields(kept, fields)
                self._expires[key] = time.monotonic() + lifetime(ref)
                if ref.label == WORKFLOW:
                    workflow_sizes.heard(ref.pk, len(kept))
                for name in oldest(ref, kept) if is_full(ref, len(kept)) else ():
                    del kept[name]
        return 0

    def read(self, refs: Sequence[ObjectRef]) -> list[dict[str, str | None]]:
        with self._lock:
            self._forget_expired()
            return [dict(self._objects.get(_key(ref), {})) for ref in refs]

    def look_up(
        self, fields: Sequence[tuple[ObjectRef, str]], hostnames: Sequence[str] = ()
    ) -> tuple[list[str | None], dict[str, int]]:
        with self._lock:
            now = time.monotonic()
            values = [self._objects.get(_key(ref), {}).get(name) for ref, name in fields]
            beats = {host: self._beats[host] for host in hostnames if host in self._beats}
            return values, {host: started for host, (started, until) in beats.items() if until > now}

    def beat(self, hostname: str, started: int) -> None:
        with self._lock:
            self._beats[hostname] = (started, time.monotonic() + BEAT_COUNTS)

    def sign(self, sign: Sign) -> bool:
        with self._lock:
            self._signs[sign.key] = replace(sign, seen=now_ms())
        return True

    def signs(self) -> tuple[Sequence[Sign], int]:
        oldest = now_ms() - 1000 * SIGNS_KEPT
        with self._lock:
            self._signs = {key: sign for key, sign in self._signs.items() if sign.seen > oldest}
            return list(self._signs.values()), now_ms()

    def read_notes(self, names: Sequence[str]) -> list[Note | None] | None:
        whose, now = prefix.of_workers(), time.monotonic()
        with self._lock:
            kept = [self._notes.get((whose, name), (b"", 0.0)) for name in names]
        return [Note(value, until - now) if until > now else None for value, until in kept]

    def write_notes(self, notes: Mapping[str, tuple[bytes, float]]) -> bool:
        whose, now = prefix.of_workers(), time.monotonic()
        with self._lock:
            self._notes |= {(whose, name): (value, now + seconds) for name, (value, seconds) in notes.items()}
            self._notes = {key: note for key, note in self._notes.items() if note[1] > now}
        return True

    def add_note(self, name: str, value: bytes, seconds: float) -> bool:
        whose, now = prefix.of_workers(), time.monotonic()
        with self._lock:
            if self._notes.get((whose, name), (b"", 0.0))[1] > now:
                return False
            self._notes[whose, name] = (value, now + seconds)
        return True

    def add(self, rows: Sequence[Row], once: str) -> list[Added] | None:
        whose, now = prefix.current(), time.monotonic()
        with self._lock:
            self._added = {key: until for key, until in self._added.items() if until > now}
            self._forget_rows(now)
            if (whose, once) in self._added:
                return [Added()] * len(rows)
            self._added[whose, once] = now + REMEMBERED
            return [self._rows.setdefault((whose, row.name), KeptRow()).add(row, now) for row in rows]

    def tallies(self, wanted: Wanted) -> Tallies:
        whose, now = prefix.current(), time.monotonic()
        with self._lock:
            self._forget_rows(now)

            def kept(name: str) -> KeptRow:
                return self._rows.get((whose, name), KeptRow())

            return Tallies(
                [kept(name).packed() for name in wanted.cells],
                [dict(kept(name).fields) for name in wanted.fields],
                [list(kept(name).fields) for name in wanted.names],
                [len(kept(name).members) for name in wanted.members],
            )

    def ping(self) -> None:
        """Always there."""

    def close(self) -> None:
        """Nothing to let go."""

    def _forget_rows(self, now: float) -> None:
        self._rows = {key: row for key, row in self._rows.items() if row.until > now}

    def _forget_expired(self) -> None:
        now = time.monotonic()
        for key in [key for key, until in self._expires.items() if until <= now]:
            del self._objects[key], self._expires[key]


def _key(ref: ObjectRef) -> Key:
    return prefix.current(), ref


#: More fields than this are more tasks than are kept: most have two to five, and trimming must make room for long.
TRIM_ABOVE = TASKS_KEPT * 6


def is_full(ref: ObjectRef, number: int) -> bool:
    """Return whether so many fields are more than are kept of one object."""
    if ref.label == LOG:
        return number > MOST_FIELDS
    return number > TRIM_ABOVE and ref.label not in UNTRIMMED


def oldest(ref: ObjectRef, stored: Mapping[str, str | None]) -> list[str]:
    """Return the fields that go then: those of the oldest tasks of an object, or of the oldest attempts of a log."""
    return oldest_attempts(stored) if ref.label == LOG else oldest_fields(stored)


def oldest_fields(stored: Mapping[str, str | None]) -> list[str]:
    """Return the fields of the tasks beyond the newest ``TASKS_KEPT``.

    An id that is used again and again is a task each time.
    """
    lives = by_life(stored)
    newest = {key: derive(key[0], life).newest for key, (life, _names) in lives.items()}
    dropped = sorted(newest, key=newest.__getitem__)[:-TASKS_KEPT]
    return list(chain.from_iterable(lives[key][1] for key in dropped))
