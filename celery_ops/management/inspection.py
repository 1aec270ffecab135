"""What workers may be asked, and their answers as anybody may see them: redacted, plain, in a stable order."""

import json
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from .. import redaction
from ..backends.remote.replies import arguments, task_name
from ..formatting import clean
from ..info import TaskInfo
from ..payload import payload
from ..payload.mapping import celery_settings
from ..redaction.budget import Budget
from ..redaction.site import site
from ..redaction.text import REDACTED, scrub
from ..tracking import argsrepr

#: What Celery's workers answer without doing anything, and the arguments that they are sent.
METHODS: Final[Mapping[str, Mapping[str, Any]]] = {
    "active": {"safe": True},
    "active_queues": {},
    "clock": {},
    "conf": {"with_defaults": False},
    "memdump": {},
    "memsample": {},
    "ping": {},
    "registered": {},
    "report": {},
    "reserved": {},
    "revoked": {},
    "scheduled": {},
    "stats": {},
}
#: Without any other wish.
USUAL: Final = ("stats", "active", "reserved", "scheduled", "registered", "active_queues")
#: ``all`` leaves out what takes samples of a worker's memory and keeps them there.
ALL: Final = tuple(method for method in METHODS if not method.startswith("mem"))

#: How deep a reply is followed.
DEEPEST: Final = 20
TOO_DEEP: Final = "[too deep]"
#: Values of one reply that are gone through: a worker with 20,000 tasks in hand has fewer.
MOST_VALUES: Final = 300_000
TOO_LARGE: Final = "[too large]"
#: Characters of a name that are kept.
LONGEST_NAME: Final = 1000
#: Where a setting of ``celery report`` begins: the lines that go on with it are indented.
SETTINGS: Final = re.compile(r"\n(?=\S)")
#: Bytes of one that are shown.
LONGEST_SETTING: Final = 100_000
#: The name of no secret, although most names with "key" are.
HARMLESS: Final = "routing_key"
NESTED: Final = (Mapping, list, tuple, set, frozenset)


def shown(method: str, reply: Any) -> Any:
    """Return a worker's reply to one of the methods without secrets, as JSON carries it, lists sorted."""
    if _is_huge(reply):
        return TOO_LARGE
    if method == "conf" and isinstance(reply, Mapping):
        reply = celery_settings(reply)
    read = _READERS.get(method, plain)
    return sorted(map(read, reply), key=_canonical) if isinstance(reply, (list, tuple)) else read(reply)


def plain(value: Any, name: str = "", depth: int = 0) -> Any:
    """Return any value in JSON types, redacted by the names that its parts have and by what they look like.

    Under a name that hides what it holds, everything is hidden, however deep.
    """
    name = "" if name.endswith(HARMLESS) else name
    if value is None or isinstance(value, bool):  # neither tells a secret, whatever it is called
        return value
    if not isinstance(value, NESTED):
        return None if isinstance(value, float) and not isfinite(value) else redaction.redact(value, name=name)
    if value and redaction.redact(0, name=name) != 0:
        return REDACTED
    if depth > DEEPEST:
        return TOO_DEEP
    if isinstance(value, Mapping):
        named = ((_name(key), item) for key, item in value.items())
        return {key: plain(item, key, depth + 1) for key, item in named}
    return [plain(item, name, depth + 1) for item in value]


def _is_huge(reply: Any) -> bool:
    left, number = [reply] if isinstance(reply, NESTED) else [], 0
    while left and number <= MOST_VALUES:
        value = left.pop()
        items = value.values() if isinstance(value, Mapping) else value
        number += len(items)
        left.extend(item for item in items if isinstance(item, NESTED))
    return number > MOST_VALUES


def _name(key: Any) -> str:
    return clean(key if isinstance(key, str) else str(redaction.redact(key)), LONGEST_NAME)


def _request(item: Any) -> Any:
    """Return a task as a worker holds it; its arguments go by the task's own parameters and sensitive names."""
    if not isinstance(item, Mapping):
        return plain(item)
    request = plain({key: value for key, value in item.items() if key not in ("args", "kwargs")})
    if isinstance(request.get("delivery_info"), dict):
        request["delivery_info"].pop(argsrepr.KEY, None)
    name = task_name(item)
    args, kwargs = arguments(item)
    task = TaskInfo("", name if isinstance(name, str) else "", args=args, kwargs=kwargs)
    args, kwargs = _arguments(payload.arguments_text(task))
    return {**request, "args": args, "kwargs": kwargs}


def _arguments(text: str) -> tuple[Any, Any]:
    try:
        values = json.loads(text)
        return values["args"], values["kwargs"]
    except (ValueError, TypeError, KeyError):  # it was cut, or is no more than a text
        return text or None, None


def _scheduled(item: Any) -> Any:
    if not isinstance(item, Mapping) or "request" not in item:
        return plain(item)
    rest = {key: value for key, value in item.items() if key != "request"}
    return {**plain(rest), "request": _request(item["request"])}


def _stats(reply: Any) -> Any:
    """Return the statistics; ``total`` counts tasks by their names, which hide nothing."""
    if not isinstance(reply, Mapping) or not isinstance(reply.get("total"), Mapping):
        return plain(reply)
    stats = plain({key: value for key, value in reply.items() if key != "total"})
    return {**stats, "total": {_name(name): plain(number) for name, number in reply["total"].items()}}


def _report(reply: Any) -> Any:
    """Return ``celery report``; among its lines are all settings, ``name: value`` each."""
    text = reply.get("ok") if isinstance(reply, Mapping) else None
    if not isinstance(text, str):
        return plain(reply)
    whole = "\n".join(map(_setting, SETTINGS.split(text)))
    return {"ok": [_line(line) for line in whole.splitlines() if line.strip()]}


def _setting(text: str) -> str:
    """Return one setting, whose value may go on for lines: what a name hides does not end with its first line."""
    if "\n" not in text:
        return text
    rules = site()[0]
    name, colon, _value = text.partition(": ")
    if colon and rules.hides(name):
        return f"{name}: {REDACTED}"
    return scrub(text, LONGEST_SETTING, rules, budget=Budget.of_page())[0]


def _line(line: str) -> Any:
    name, colon, value = line.partition(": ")
    if not colon:
        return redaction.redact(line)
    return f"{clean(name, LONGEST_NAME)}: {redaction.redact(value, name=name.strip())}"


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "active": _request,
    "reserved": _request,
    "scheduled": _scheduled,
    "report": _report,
    "stats": _stats,
}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
