"""A look at the workers as bytes, for the site's other processes: compressed JSON, without a secret, and not for ever.

Two notes: what is known of the workers, which may be kept for a day, and the tasks that they hold, their arguments as
pages show them. What is read is believed no more than a worker's reply is: whatever it may be, nothing is raised.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from ...info import ENDED, GONE, NO_REPLY
from . import replies
from .known_workers import MOST_HOSTNAMES, Memory, is_hostname
from .looks import Answers, Snapshot, Standing
from .packed_replies import HELD, held_tasks, kept_parts

#: Of the form that is written, and part of a note's name: what another version writes is not read.
VERSION: Final = 1
#: Characters at the beginning of a note that say which look it is of.
TOKEN: Final = 16
NO_TOKEN: Final = "0" * TOKEN
#: Bytes of a note, and of its text: more than a thousand workers need.
MOST_BYTES: Final = 256 * 1024
LONGEST_TEXT: Final = 8 * 1024 * 1024
#: Lines of all workers' lists of tasks together.
MOST_LINES: Final = 250_000

STANDINGS: Final = (ENDED, GONE, NO_REPLY)
#: What anything but a look of ours comes to when it is read as one.
UNREADABLE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Packed:
    """A look for others. ``tasks`` is empty where they are only counted, and both are where there is no room at all."""

    workers: bytes = b""
    tasks: bytes = b""


@dataclass(frozen=True, slots=True)
class Unpacked:
    token: str
    snapshot: Snapshot
    memory: Memory


def packed(snapshot: Snapshot, memory: Memory, token: str) -> Packed:
    """Return a look and what is known of the workers; ``token`` says that the two notes belong together."""
    held = held_tasks(snapshot)
    tasks = b"" if held is None else _bytes(held, token)
    document = {
        "collected_at": snapshot.collected_at.timestamp(),
        "parts": {host: kept_parts(parts, counts=not tasks) for host, parts in snapshot.last_words.items()},
        "asked": snapshot.answers.asked,
        "answered": list(snapshot.answers.replies),
        "repeated": sorted(snapshot.answers.twice),
        "twice": sorted(snapshot.twice),
        "silent": _standings(snapshot.silent, snapshot.collected_at),
        "absent": _standings(snapshot.absent, snapshot.collected_at),
        "memory": _memory(memory, snapshot.collected_at),
    }
    workers = _bytes(document, token)
    return Packed(workers, tasks) if workers else Packed()


def token_of(note: bytes) -> str:
    """Return the token of a note, whatever else there is in it."""
    return note[:TOKEN].decode("ascii", "replace")


def unpacked(workers: bytes, tasks: bytes, collected_at: Callable[[datetime], datetime]) -> Unpacked | None:
    """Return what another process has found; None of what no process of this version has written.

    ``collected_at`` says when that was by the clock here, given what it was by the clock there. Without its ``tasks``
    a look is not whole.
    """
    token = token_of(workers)
    try:
        document = _document(workers)
        held = _document(tasks) if token_of(tasks) == token else None
        moment = collected_at(_moment(document["collected_at"]))
        return Unpacked(token, _snapshot(document, held, moment), _memory_read(document["memory"], moment))
    except UNREADABLE:
        return None


def _snapshot(document: Mapping[str, Any], held: Mapping[str, Any] | None, moment: datetime) -> Snapshot:
    words = {host: _words(parts, (held or {}).get(host, {})) for host, parts in _by_host(document["parts"]).items()}
    answers = Answers(
        tuple(_hosts(document["asked"])),
        {host: words.get(host, {}) for host in _hosts(document["answered"])},
        moment,
        frozenset(_hosts(document["repeated"])),
    )
    return Snapshot(
        answers,
        words,
        silent=_standings_read(document["silent"], moment),
        absent=_standings_read(document["absent"], moment),
        twice=frozenset(_hosts(document["twice"])),
        is_whole=held is not None,
    )


def _words(parts: Any, held: Any) -> dict[str, Any]:
    counted: dict[str, Any] = {method: replies.TaskCount(parts[method]) for method in HELD if method in _dict(parts)}
    return {**_dict(parts), **counted, **_dict(held)}


def packed_lists(lists: Mapping[str, Any]) -> bytes:
    """Return what each worker has listed as lines, nothing where that would be too long."""
    hosts = list(lists)
    places: dict[str, list[int]] = {}
    for number, lines in enumerate(lists.values()):
        for line in filter(None, map(replies.text, lines if isinstance(lines, (list, tuple)) else ())):
            places.setdefault(line, []).append(number)
    return _bytes({"hosts": hosts, "lines": places})


def unpacked_lists(note: bytes) -> dict[str, list[str]] | None:
    """Return the lines of each worker that another process was told; None of what no process has written."""
    try:
        document = _document(note)
        hosts = document["hosts"]
        lists: dict[str, list[str]] = {host: [] for host in _hosts(hosts)}
        lines = _dict(document["lines"])
        if sum(map(len, lines.values())) > MOST_LINES:
            raise ValueError("more lines than are believed")
        for line, places in lines.items():
            for place in places:
                lists[hosts[place]].append(line)
    except UNREADABLE:
        return None
    return lists


# -- bytes ------------------------------------------------------------------------------------------------------------


def _bytes(document: Mapping[str, Any], token: str = NO_TOKEN) -> bytes:
    """Return a note, nothing where it would be too long."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    value = token.encode() + zlib.compress(text.encode(), 3)
    return value if len(text) <= LONGEST_TEXT and len(value) <= MOST_BYTES else b""


def _document(note: bytes) -> dict[str, Any]:
    """Raises one of UNREADABLE. What would come to more than a look of ours is not even unpacked."""
    if len(note) > MOST_BYTES:
        raise ValueError("longer than a look")
    inflater = zlib.decompressobj()
    text = inflater.decompress(note[TOKEN:], LONGEST_TEXT)
    if not inflater.eof:
        raise ValueError("longer than a look")
    return _dict(json.loads(text))


# -- who is there -----------------------------------------------------------------------------------------------------


def _standings(standings: Mapping[str, Standing], moment: datetime) -> dict[str, list[Any]]:
    return {host: [standing.state, _ago(standing.last_seen, moment)] for host, standing in standings.items()}


def _standings_read(values: Any, moment: datetime) -> dict[str, Standing]:
    entries = _by_host(values).items()
    return {host: Standing(state, _before(moment, ago)) for host, (state, ago) in entries if state in STANDINGS}


def _memory(memory: Memory, moment: datetime) -> dict[str, Any]:
    looked = memory.looked_around
    return {
        "heard": _ages(memory.heard, moment),
        "silent": _ages(memory.silent, moment),
        "unheeding": _ages(memory.unheeding, moment),
        "unanswered": {host: sorted(methods) for host, methods in memory.unanswered.items()},
        "ended": _ages(memory.ended, moment),
        "looked_around": None if looked is None else _ago(looked, moment),
    }


def _memory_read(values: Any, moment: datetime) -> Memory:
    looked = values["looked_around"]
    return Memory(
        _moments(values["heard"], moment),
        _moments(values["silent"], moment),
        _moments(values["unheeding"], moment),
        {host: frozenset(map(str, methods)) for host, methods in _by_host(values["unanswered"]).items()},
        _moments(values["ended"], moment),
        None if looked is None else _before(moment, looked),
    )


def _ages(moments: Mapping[str, datetime], moment: datetime) -> dict[str, float]:
    return {host: _ago(earlier, moment) for host, earlier in moments.items()}


def _moments(ages: Any, moment: datetime) -> dict[str, datetime]:
    return {host: _before(moment, ago) for host, ago in _by_host(ages).items()}


def _ago(earlier: datetime, moment: datetime) -> float:
    return round((moment - earlier).total_seconds(), 6)


def _before(moment: datetime, seconds: float) -> datetime:
    return moment - timedelta(seconds=max(0.0, seconds))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _hosts(values: Any) -> list[str]:
    if not isinstance(values, list):
        raise TypeError("no hostnames")
    return [host for host in values[:MOST_HOSTNAMES] if is_hostname(host)]


def _by_host(values: Any) -> dict[str, Any]:
    return {host: _dict(values)[host] for host in _hosts(list(_dict(values)))}


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no mapping")
    return value
