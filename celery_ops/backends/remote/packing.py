"""A look at the workers as bytes, for the site's other processes: compressed JSON, without a secret, and not for ever.

Two notes: what is known of the workers, which may be kept for a day, and the tasks that they hold, their arguments as
pages show them. What is read is believed no more than a worker's reply is: whatever it may be, nothing is raised.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from ...conf import conf
from ...info import ENDED, GONE, NO_REPLY, TaskInfo
from ...payload.payload import arguments_text
from ...payload.url import broker_address
from ...redaction import Budget
from . import replies
from .known_workers import MOST_HOSTNAMES, Memory, is_hostname
from .looks import Answers, Snapshot, Standing

#: Of the form that is written, and part of a note's name: what another version writes is not read.
VERSION: Final = 1
#: Characters at the beginning of a note that say which look it is of.
TOKEN: Final = 16
NO_TOKEN: Final = "0" * TOKEN
#: Bytes of a note, and of its text: more than a thousand workers need.
MOST_BYTES: Final = 256 * 1024
LONGEST_TEXT: Final = 8 * 1024 * 1024
#: Tasks of a look whose arguments are made fit to be seen.
MOST_TASKS: Final = 2_000
MOST_QUEUES: Final = 1_000
MOST_BINDINGS: Final = 100
#: Lines of all workers' lists of tasks together.
MOST_LINES: Final = 250_000
MOST_ENTRIES: Final = 100
#: Processes of a pool: what is left out would be missing from how many it has.
MOST_PROCESSES: Final = 10_000
LONGEST_NAME: Final = 1024

#: What holds tasks of what workers are asked.
HELD: Final = ("active", "reserved", "scheduled")
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
    held = _held(snapshot)
    tasks = b"" if held is None else _bytes(held, token)
    document = {
        "collected_at": snapshot.collected_at.timestamp(),
        "parts": {host: _parts(parts, counts=not tasks) for host, parts in snapshot.last_words.items()},
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


# -- what a worker says of itself -------------------------------------------------------------------------------------


def _parts(parts: Mapping[str, Any], *, counts: bool) -> dict[str, Any]:
    """What pages show of a worker in the form of its replies, so that they are read alike; nothing else is kept."""
    said: dict[str, Any] = {}
    if (stats := replies.mapping(parts.get("stats"))) is not None:
        said["stats"] = _stats(stats)
    if isinstance(queues := parts.get("active_queues"), (list, tuple)):
        said["active_queues"] = list(filter(None, map(_queue, queues[:MOST_QUEUES])))
    for method in HELD if counts else ():
        if (tasks := replies.READERS[method](parts.get(method), "")) is not None:
            said[method] = len(tasks)
    return said


def _stats(stats: Mapping[str, Any]) -> dict[str, Any]:
    pool, broker = replies.mapping(stats.get("pool")) or {}, replies.mapping(stats.get("broker")) or {}
    said = _plain(stats) | {name: _plain(replies.mapping(stats.get(name)) or {}) for name in ("rusage", "autoscaler")}
    said["pool"] = _plain(pool)
    if implementation := replies.text(pool.get("implementation")):
        said["pool"]["implementation"] = implementation
    if isinstance(processes := pool.get("processes"), (list, tuple)):
        said["pool"]["processes"] = [replies.count(process) for process in processes[:MOST_PROCESSES]]
    if isinstance(total := replies.mapping(stats.get("total")), dict):
        said["total"] = {replies.text(name): replies.count(number) for name, number in total.items()}
    if address := _address(*(_scalar(broker.get(name)) for name in ("transport", "hostname", "port"))):
        said["broker"] = {"hostname": address}
    return said


@lru_cache(maxsize=1024)
def _address(transport: Any, hostname: Any, port: Any) -> str:
    return broker_address({"transport": transport, "hostname": hostname, "port": port})


def _plain(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the numbers of a mapping: what is no text holds no secret."""
    return {
        name: value
        for name, value in list(values.items())[:MOST_ENTRIES]
        if isinstance(name, str) and len(name) <= LONGEST_NAME and _is_number(value)
    }


def _queue(queue: Any) -> dict[str, Any]:
    """Return what lists of queues read of a worker's description."""
    if not isinstance(queue, dict):
        return {}
    said = _plain(queue) | _bound(queue)
    said["name"] = _scalar(queue.get("name"))
    if isinstance(others := queue.get("bindings"), (list, tuple)):
        said["bindings"] = [_bound(bound) for bound in others[:MOST_BINDINGS] if isinstance(bound, dict)]
    if isinstance(arguments := queue.get("queue_arguments"), dict):
        texts = {name: _scalar(value) for name, value in list(arguments.items())[:MOST_ENTRIES]}
        said["queue_arguments"] = {name: value for name, value in texts.items() if isinstance(name, str)}
    return said


def _bound(bound: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"routing_key": _scalar(bound.get("routing_key"))}
    if (exchange := replies.mapping(bound.get("exchange"))) is not None:
        said["exchange"] = {name: _scalar(exchange.get(name)) for name in ("name", "type")}
    return said


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and abs(value) < 2**63 and isfinite(value)


def _scalar(value: Any) -> Any:
    """Return a number or a text that is no longer than a name, None of anything else."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_NAME else None
    return value if _is_number(value) else None


# -- the tasks that workers hold --------------------------------------------------------------------------------------


def _held(snapshot: Snapshot) -> dict[str, dict[str, list[dict[str, Any]]]] | None:
    """Return the tasks of each worker in the form of its replies; None where they are too many, or not to be kept."""
    answered = snapshot.answers.replies.items()
    lists = [parts.get(method) for _host, parts in answered for method in HELD]
    number = sum(len(tasks) for tasks in lists if isinstance(tasks, (list, tuple)))
    if number > MOST_TASKS or (number and conf.ARGS_CAPTURE == "none"):
        return None
    page = Budget.of_page()
    held = {
        host: {
            method: [_request(task, method, page) for task in tasks]
            for method in HELD
            if (tasks := replies.READERS[method](parts.get(method), host)) is not None
        }
        for host, parts in answered
    }
    return None if page.is_spent else held


def _request(task: TaskInfo, method: str, page: Budget) -> dict[str, Any]:
    request: dict[str, Any] = {"id": task.id, "type": task.name, "delivery_info": {"routing_key": task.queue}}
    if task.started_at is not None:
        request["time_start"] = task.started_at.timestamp()
    request |= _shown(task, page)
    if method != "scheduled":
        return request
    return {"eta": None if task.eta is None else task.eta.isoformat(), "request": request}


def _shown(task: TaskInfo, page: Budget) -> dict[str, Any]:
    """Return a task's arguments as a page shows them, which is how the page of another process shows them then."""
    text = arguments_text(task, page)
    if not text:
        return {}
    try:
        shown = json.loads(text)
        return {"args": shown["args"], "kwargs": shown["kwargs"]}
    except (ValueError, LookupError, TypeError):
        return {"args": text}
