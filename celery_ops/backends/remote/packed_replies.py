"""What workers say, as others may keep it: in the form of their replies, so that it is read alike, without a secret."""

import json
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from ...conf import conf
from ...info import TaskInfo
from ...payload.payload import arguments_text
from ...payload.url import broker_address
from ...redaction import Budget
from . import replies
from .looks import Snapshot

#: Tasks of a look whose arguments are made fit to be seen.
MOST_TASKS: Final = 2_000
MOST_QUEUES: Final = 1_000
MOST_BINDINGS: Final = 100
MOST_ENTRIES: Final = 100
#: Processes of a pool: what is left out would be missing from how many it has.
MOST_PROCESSES: Final = 10_000
LONGEST_NAME: Final = 1024

#: What holds tasks of what workers are asked.
HELD: Final = ("active", "reserved", "scheduled")


def kept_parts(parts: Mapping[str, Any], *, counts: bool) -> dict[str, Any]:
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


def held_tasks(snapshot: Snapshot) -> dict[str, dict[str, list[dict[str, Any]]]] | None:
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
