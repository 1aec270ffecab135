"""What beats leave in the store for whoever shows schedules, and how it lies there.

Each living beat has a note in one of a few slots. Of each entry there is a text with what is known of it last, in rows
of so many days that both the old and the new one are read of; and a row with its newest occurrences, a ring in each
slot's own fields, so that two beats do not write over each other's.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any, Final
from uuid import uuid4

from ..tracking import prefix
from ..tracking.recorder import recorder
from ..tracking.store import Note
from ..tracking.tallies import Row, Wanted

#: Beats that can be told apart at one moment.
SLOTS: Final = 8
#: Seconds that a beat's sign is kept, and between two of them.
SIGN_KEPT: Final = 7 * 86_400.0
SIGN_EVERY: Final = 15.0
#: Seconds of one row of facts, for which it is kept, and for which occurrences are.
PERIOD: Final = 10 * 86_400
FACTS_KEPT: Final = 3 * PERIOD
RING_KEPT: Final = 40 * 86_400
#: Occurrences of an entry that are kept.
RING: Final = 60
#: Characters of a name that is written, of a task's id, and of one text that is read.
LONGEST_NAME: Final = 250
LONGEST_ID: Final = 200
LONGEST_TEXT: Final = 2000
#: Entries that are kept and read of at most.
MOST_ENTRIES: Final = 20_000
#: Texts of facts, and of occurrences, that a process need not read again: most are the same at the next look.
MOST_KEPT: Final = 8192


@dataclass(frozen=True, slots=True)
class Sign:
    """What a beat says of itself. ``up`` are the seconds since it began, ``still`` those since its loop was seen to
    move; ``started`` is in ms since the epoch by its own clock."""

    token: str
    hostname: str
    pid: int
    scheduler: str
    app: str
    started: int
    up: float
    still: float
    max_interval: float
    entries: int
    is_standby: bool = False
    has_ended: bool = False


@dataclass(frozen=True, slots=True)
class HeardSign:
    """A sign, and how many seconds ago by the store's clock it was given."""

    sign: Sign
    slot: int
    age: float


@dataclass(frozen=True, slots=True)
class Sending:
    """One occurrence: when it was due, and when it was sent as which task. Times are ms since the epoch.

    ``sent`` is None where beat tried and could not.
    """

    due: int
    sent: int | None = None
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a beat knows of an entry. ``number`` counts its occurrences; ``due`` is the next one's time, None for never
    or unknown, and ``ran`` the last run that it counts from."""

    due: int | None = None
    ran: int | None = None
    number: int = 0
    last: Sending | None = None


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What all beats have told."""

    signs: Sequence[HeardSign] = ()
    facts: Mapping[str, Facts] = field(default_factory=dict)

    def of(self, name: str) -> Facts | None:
        return self.facts.get(key_of(name))


def signs() -> list[HeardSign] | None:
    """Return the newest sign in each slot; None by a store that keeps no notes. Raises StoreUnavailable."""
    notes = _ask(lambda store: store.read_notes([_note_name(slot) for slot in range(SLOTS)]))
    return None if notes is None else _heard(notes)


def read_board(now: float) -> Told:
    """Return all that lists of schedules need. Two round trips. Raises StoreUnavailable."""
    rows = _ask(lambda store: store.tallies(Wanted(fields=[facts_row(now - PERIOD), facts_row(now)]))).fields
    facts: dict[str, Facts] = {}
    for row in rows:
        for name, text in row.items():
            if (read := _facts(text)) is not None:
                facts[name] = read
            if len(facts) > MOST_ENTRIES:
                break
    return Told(signs() or (), facts)


def rings(names: Sequence[str]) -> list[list[Sending]]:
    """Return the newest occurrences of each entry, the newest first. One round trip. Raises StoreUnavailable."""
    if not names:
        return []
    rows = _ask(lambda store: store.tallies(Wanted(fields=[ring_row(name) for name in names]))).fields
    return [_ring(row.values()) for row in rows]


def _ring(texts: Iterable[str]) -> list[Sending]:
    sendings = [sending for sending in map(_read, islice(texts, SLOTS * RING)) if sending is not None]
    return sorted(sendings, key=lambda sending: (sending.due, sending.sent or 0), reverse=True)[:RING]


def _heard(notes: Sequence[Note | None]) -> list[HeardSign]:
    heard = []
    for slot, note in enumerate(notes):
        if note is not None and (sign := _sign(note.value)) is not None:
            left = SIGN_KEPT if note.left is None else note.left
            heard.append(HeardSign(sign, slot, max(0.0, SIGN_KEPT - left)))
    return heard


# -- writing ----------------------------------------------------------------------------------------------------------


def give(sign: Sign, slot: int) -> bool:
    """Write a beat's sign of life. Return whether the store keeps notes. Raises StoreUnavailable."""
    value = json.dumps(asdict(sign), separators=(",", ":")).encode()
    return bool(_ask(lambda store: store.write_notes({_note_name(slot): (value, SIGN_KEPT)})))


def add(facts: Mapping[str, Facts], sendings: Mapping[str, Mapping[int, Sending]], slot: int, now: float) -> int:
    """Write what is known of entries, and occurrences of entries by their numbers. One round trip.

    Return how many entries are kept. Raises StoreUnavailable.
    """
    rows = []
    if facts:
        texts = {key_of(name): _packed_facts(entry_facts) for name, entry_facts in facts.items()}
        rows.append(Row(facts_row(now), FACTS_KEPT, texts=texts))
    for name, numbered in sendings.items():
        texts = {f"{slot}.{number % RING}": _packed(sending) for number, sending in numbered.items()}
        rows.append(Row(ring_row(name), RING_KEPT, texts=texts))
    if rows:
        once = uuid4().hex[:16]
        _ask(lambda store: store.add(rows, once))
    return len(rows)


def key_of(name: str) -> str:
    """Return what stands for an entry's name in rows: the name where it is short."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}~{_digest(name)}"


def facts_row(at: float) -> str:
    return f"schedules.{int(at) // PERIOD}"


def ring_row(name: str) -> str:
    return f"schedule.{_digest(name)}"


def _digest(name: str) -> str:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _note_name(slot: int) -> str:
    return f"beat-{slot}"


def _ask(question: Any) -> Any:
    """Schedules are the whole site's, whichever tenant's request this is."""
    with prefix.using(prefix.of_workers()):
        return recorder().ask(question)


# -- how values lie in texts ------------------------------------------------------------------------------------------


def _packed(sending: Sending) -> str:
    return json.dumps([sending.due, sending.sent, sending.task_id], separators=(",", ":"))


def _packed_facts(facts: Facts) -> str:
    last = facts.last
    values = [facts.due, facts.ran, facts.number]
    return json.dumps([*values, *((last.due, last.sent, last.task_id) if last else ())], separators=(",", ":"))


def _json(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= LONGEST_TEXT else None
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=MOST_KEPT)
def _facts(text: str) -> Facts | None:
    values = _json(text)
    if not isinstance(values, list) or len(values) not in (3, 6):
        return None
    due, ran, number = values[:3]
    if not (_is_time(due) and _is_time(ran) and type(number) is int and 0 <= number < 2**53):
        return None
    last = _sending(values[3:]) if len(values) == 6 else None
    return Facts(due, ran, number, last)


@lru_cache(maxsize=MOST_KEPT)
def _read(text: str) -> Sending | None:
    return _sending(_json(text))


def _sending(values: Any) -> Sending | None:
    if not isinstance(values, list) or len(values) != 3:
        return None
    due, sent, task_id = values
    is_id = task_id is None or (isinstance(task_id, str) and 0 < len(task_id) <= LONGEST_ID)
    return Sending(due, sent, task_id) if due is not None and _is_time(due) and _is_time(sent) and is_id else None


@lru_cache(maxsize=MOST_KEPT)
def moment(ms: int | None) -> datetime | None:
    """Return a time in UTC."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, timezone.utc)


def _is_time(value: Any) -> bool:
    """Whether this is a number of ms that a date can say, or nothing."""
    return value is None or (type(value) is int and 0 <= value < 250_000_000_000_000)


def _sign(value: bytes) -> Sign | None:
    """A note is no more than whatever lies under that key: what is none of ours is left out."""
    if len(value) > LONGEST_TEXT:
        return None
    try:
        sign = Sign(**json.loads(value))
    except (ValueError, TypeError, RecursionError):
        return None
    if not all(_is_of(part.type, getattr(sign, part.name)) for part in fields(Sign)):
        return None
    numbers = (sign.up, sign.still, sign.max_interval)
    is_right = all(0 <= number < 1e9 for number in numbers) and _is_time(sign.started) and 0 <= sign.pid < 2**31
    if not (is_right and 0 <= sign.entries < 2**31):
        return None
    return replace(sign, up=float(sign.up), still=float(sign.still), max_interval=float(sign.max_interval))


def _is_of(kind: Any, value: Any) -> bool:
    """Whether JSON has written a value of this type: a float may be a whole number there."""
    return type(value) is kind or (kind is float and type(value) is int)
