"""What workers say, read with care: any part of a reply may be missing, and any value may be anything."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from math import isfinite
from typing import Any, Final

from ... import states
from ...info import RegisteredTask, TaskInfo, WorkerDetail, WorkerInfo
from ...metrics.queues import queue_named
from ...redaction.text import DIRTY
from ...tracking import argsrepr

#: Characters of a name that are kept.
LONGEST_NAME: Final = 1000
#: What ``registered`` is asked to say of each task.
LIMITS: Final = ("rate_limit", "soft_time_limit", "time_limit")


class TaskCount(int):
    """Stands for the tasks of a reply that another process has read: how many they were."""


def detail(
    hostname: str,
    parts: Mapping[str, Any],
    methods: Collection[str],
    *,
    last_seen: datetime | None = None,
) -> WorkerDetail:
    """Return what a worker's replies to these methods say; ``missing`` names those that say nothing."""
    read = {method: READERS[method](parts.get(method), hostname) for method in methods}
    stats = read.get("stats") or {}
    pool, total = mapping(stats.get("pool")) or {}, mapping(stats.get("total"))
    totals = None if total is None else _counts(total)
    return WorkerDetail(
        info=WorkerInfo(
            hostname,
            last_seen=last_seen,
            pool=_pool_name(pool),
            concurrency=_size(pool),
            active=_number_of(parts.get("active"), read.get("active")),
            reserved=_number_of(parts.get("reserved"), read.get("reserved")),
            scheduled=_number_of(parts.get("scheduled"), read.get("scheduled")),
            processed=None if totals is None else sum(totals.values()),
            queues=read.get("active_queues"),
            scales=bool(mapping(stats.get("autoscaler"))),
        ),
        active=read.get("active") or (),
        reserved=read.get("reserved") or (),
        scheduled=read.get("scheduled") or (),
        registered=read.get("registered") or (),
        totals=totals or {},
        pid=count(stats.get("pid")),
        uptime=_duration(stats.get("uptime")),
        prefetch_count=count(stats.get("prefetch_count")),
        pool=pool,
        autoscaler=mapping(stats.get("autoscaler")) or {},
        resources=mapping(stats.get("rusage")) or {},
        broker=mapping(stats.get("broker")) or {},
        conf=read.get("conf") or {},
        missing=tuple(method for method, value in read.items() if value is None),
    )


def _size(pool: Mapping[str, Any]) -> int | None:
    """How many processes it has: a prefork pool that was grown goes on to name the number that it began with."""
    processes = pool.get("processes")
    return len(processes) if isinstance(processes, (list, tuple)) else count(pool.get("max-concurrency"))


# -- tasks ------------------------------------------------------------------------------------------------------------


def active(reply: Any, worker: str) -> tuple[TaskInfo, ...] | None:
    """Return the tasks that a worker runs, or None when the reply cannot be read."""
    return _tasks(reply, lambda item: task(item, states.STARTED, worker))


def reserved(reply: Any, worker: str) -> tuple[TaskInfo, ...] | None:
    """Return the tasks that a worker has fetched and not begun, or None when the reply cannot be read."""
    return _tasks(reply, lambda item: task(item, states.RECEIVED, worker))


def scheduled(reply: Any, worker: str) -> tuple[TaskInfo, ...] | None:
    """Return the tasks that wait for their time, or None when the reply cannot be read.

    One that waits to be tried again is among them and looks like any other: Celery does not say how often it was tried.
    """

    def waiting(item: Any) -> TaskInfo | None:
        entry = mapping(item) or {}
        return task(entry.get("request"), states.RECEIVED, worker, eta=_date(entry.get("eta")))

    return _tasks(reply, waiting)


def task(request: Any, state: str, worker: str, eta: datetime | None = None) -> TaskInfo | None:
    """Return the task that a worker's request describes, or None when it has no id."""
    request = mapping(request) or {}
    if not (id := text(request.get("id"))):
        return None
    args, kwargs = arguments(request)
    return TaskInfo(
        id,
        name=text(task_name(request)) or "",
        state=state,
        worker=worker,
        queue=_queue(request.get("delivery_info")),
        started_at=_moment(request.get("time_start")) if state == states.STARTED else None,
        eta=eta,
        args=args,
        kwargs=kwargs,
    )


def _queue(delivery_info: Any) -> str | None:
    """Return the queue that a message came by: the routing key alone is another word where it is bound by one."""
    info = mapping(delivery_info) or {}
    return queue_named(text(info.get("exchange")), text(info.get("routing_key"))) or None


def arguments(request: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a request's arguments, or what its caller gave to be shown in their place."""
    given = (mapping(request.get("delivery_info")) or {}).get(argsrepr.KEY)
    return argsrepr.shown(given, request.get("args"), request.get("kwargs"))


def task_name(request: Mapping[str, Any]) -> Any:
    """Return a request's task: its ``name`` is the caller's ``shadow`` where there is one, its ``type`` never is."""
    return request.get("type") or request.get("name")


def _tasks(reply: Any, read: Callable[[Any], TaskInfo | None]) -> tuple[TaskInfo, ...] | None:
    if isinstance(reply, TaskCount):
        return ()
    if not isinstance(reply, (list, tuple)):
        return None
    return tuple(info for info in map(read, reply) if info is not None)


# -- the rest of the methods ------------------------------------------------------------------------------------------


def queues(reply: Any, worker: str) -> tuple[str, ...] | None:
    """Return the names of the queues that a worker consumes, or None when the reply cannot be read."""
    if not isinstance(reply, (list, tuple)):
        return None
    names = (text((mapping(item) or {}).get("name")) for item in reply)
    return tuple(sorted({name for name in names if name}))


def registered(reply: Any, worker: str) -> tuple[RegisteredTask, ...] | None:
    """Return the tasks that a worker has, each said as ``name [rate_limit=10/m time_limit=30]``, or None."""
    if not isinstance(reply, (list, tuple)):
        return None
    return tuple(_registered_task(line) for line in map(text, reply) if line)


def _registered_task(line: str) -> RegisteredTask:
    name, bracket, rest = line.rpartition(" [")
    if not bracket or not rest.endswith("]"):
        return RegisteredTask(line)
    limits = dict(_pairs(rest[:-1]))
    return RegisteredTask(
        name,
        rate_limit=limits.get("rate_limit"),
        soft_time_limit=_seconds(limits.get("soft_time_limit")),
        time_limit=_seconds(limits.get("time_limit")),
    )


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    for part in line.split():
        key, sign, value = part.partition("=")
        if sign and key in LIMITS:
            yield key, value


#: How each method's reply is read; None is one that cannot be.
READERS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "stats": lambda reply, worker: mapping(reply),
    "active": active,
    "reserved": reserved,
    "scheduled": scheduled,
    "active_queues": queues,
    "registered": registered,
    "conf": lambda reply, worker: mapping(reply),
}


# -- values -----------------------------------------------------------------------------------------------------------


def mapping(value: Any) -> Mapping[str, Any] | None:
    """Return a mapping as it is; None of anything else, and of ``{"error": …}``, which says that there is no answer."""
    return value if isinstance(value, dict) and value.keys() != {"error"} else None


def text(value: Any) -> str | None:
    """Return a text that everything can carry, at most 1,000 characters of it, or None of what is no text."""
    if not isinstance(value, str):
        return None
    kept = value[:LONGEST_NAME]
    return kept if kept.isascii() and kept.isprintable() else DIRTY.sub("\ufffd", kept)


def count(value: Any) -> int | None:
    """Return a whole number of things, or None of what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _counts(values: Mapping[str, Any]) -> dict[str, int]:
    counts = {text(name): count(value) for name, value in values.items()}
    return {name: value for name, value in counts.items() if name and value is not None}


def _number_of(reply: Any, tasks: tuple[TaskInfo, ...] | None) -> int | None:
    if isinstance(reply, TaskCount):
        return int(reply)
    return None if tasks is None else len(tasks)


def _number(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    except OverflowError:
        return None
    return number if number is not None and isfinite(number) else None


def _seconds(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None


def _duration(value: Any) -> timedelta | None:
    number = _number(value)
    try:
        return None if number is None or number < 0 else timedelta(seconds=number)
    except OverflowError:
        return None


def _moment(value: Any) -> datetime | None:
    number = _number(value)
    try:
        return None if number is None else datetime.fromtimestamp(number, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _date(value: Any) -> datetime | None:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _pool_name(pool: Mapping[str, Any]) -> str | None:
    """``celery.concurrency.prefork:TaskPool`` is prefork."""
    return (text(pool.get("implementation")) or "").partition(":")[0].rpartition(".")[2] or None
