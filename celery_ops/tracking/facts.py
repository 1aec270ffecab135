"""What is stored of a task are facts, one field each; its state is derived from them on reading.

A fact says what one event knew: the task, the attempt, the kind, the time. Writing it again changes nothing, and the
state goes by (attempt, rank) and never by clock, so events may arrive late, twice or in any order.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from math import isfinite
from typing import Final
from urllib.parse import quote, unquote

from .. import states
from ..info import Progress, TrackedTask

# Kinds, one character each: every byte is paid for a million times.
PUBLISHED: Final = "p"  # "<ms> <task name>"; a long name has a fact of its own
NAME: Final = "n"  # and of what Task.replace sent, with its nesting: the first publisher may tell its own name last
ARGUMENTS: Final = "a"  # with the nesting, too
PARENT: Final = "u"  # the id of the task that launched it
RETRY_OF: Final = "y"  # the id of the task that it is once more
OBJECTS: Final = "k"  # of a task that failed, in its own place: what it belongs to, as the index says it
STARTED: Final = "s"  # "<ms> <received ms or -> <hostname>"; of a long hostname, what short_host makes of it
HOSTNAME: Final = "h"
RETRIED: Final = "t"  # "<ms>"
PROGRESS: Final = "g"  # "<current> <total> <message>"
ERROR: Final = "e"
TRACEBACK: Final = "b"
RESULT: Final = "o"
REVOKE_REQUESTED: Final = "x"  # "<ms>"
ENDED: Final = {  # "<ms>"
    states.IGNORED: "I",
    states.REJECTED: "J",
    states.REVOKED: "R",
    states.FAILURE: "F",
    states.SUCCESS: "S",
}
FINAL_KINDS: Final = tuple(ENDED[state] for state in states.FINAL_ORDER)

#: Marks a text that redaction or the size limit changed: such arguments cannot be used to run a task again.
INEXACT: Final = "~"
EXACT: Final = "="
TYPED: Final = ":"  # exact, in kombu's JSON: it says which texts are dates, times, Decimals and UUIDs

#: Characters that leave room for times in a value that a store keeps short: what is asked for in any list.
SHORT_NAME: Final = 48
SHORT_HOST: Final = 36

Facts = Mapping[str, str]
Key = tuple[str, int]  # kind, attempt

_FIELD = re.compile(r"(=[^:]*:|[\w-]{22})([a-zA-Z])(\d{0,9})", re.ASCII)


@lru_cache(maxsize=1024)
def short_id(task_id: str) -> str:
    """Return the id as fields begin with it: 22 characters for a UUID, else the quoted id between ``=`` and ``:``."""
    if len(task_id) == 36:
        try:
            raw = bytes.fromhex(task_id.replace("-", ""))
        except ValueError:
            raw = b""
        if len(raw) == 16 and long_id(short := base64.urlsafe_b64encode(raw)[:22].decode()) == task_id:
            return short
    return f"={quote(task_id, safe='', errors='surrogatepass')}:"


def long_id(short: str) -> str:
    """Return the task id that ``short_id`` shortened."""
    if short.startswith("="):
        return unquote(short[1:-1], errors="surrogatepass")
    text = base64.urlsafe_b64decode(short + "==").hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def field(task_id: str, kind: str, attempt: int = 0) -> str:
    return f"{short_id(task_id)}{kind}{attempt or ''}"


def published(task_id: str, at: int | None, name: str, nesting: int = 0) -> dict[str, str]:
    """Return the facts of a publish: when, in milliseconds since the epoch, and the name of the ``nesting``th task."""
    moment = "-" if at is None else at
    if len(name) <= SHORT_NAME and not nesting:
        return {field(task_id, PUBLISHED): f"{moment} {name}"}
    return {field(task_id, PUBLISHED): f"{moment}", field(task_id, NAME, nesting): name}


def started(at: int, received: int | None, hostname: str) -> dict[str, str]:
    """Return the facts of a start by kind: when, when it was received, and by which worker."""
    short = short_host(hostname)
    known = {STARTED: f"{at} {'-' if received is None else received} {short}"}
    return known if short == hostname else {**known, HOSTNAME: hostname}


def short_host(hostname: str) -> str:
    """Return what stands for a worker where room is short: the name, or its beginning and a digest."""
    if len(hostname) <= SHORT_HOST:
        return hostname
    digest = hashlib.sha256(hostname.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{hostname[: SHORT_HOST - 13]}~{digest}"


def by_task(stored: Iterable[tuple[str, str | None]]) -> dict[str, dict[Key, str | None]]:
    """Return an object's stored fields as ``{short id: {(kind, attempt): value}}``; unreadable ones are left out."""
    tasks: dict[str, dict[Key, str | None]] = {}
    for name, value in stored:
        if match := _FIELD.fullmatch(name):
            short, kind, attempt = match.groups()
            tasks.setdefault(short, {})[kind, int(attempt or 0)] = value
    return tasks


@dataclass(frozen=True, slots=True)
class Started:
    at: int
    received: int | None
    hostname: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What the facts of one task add up to, before labels and lost workers are known."""

    short: str
    state: str
    attempt: int
    published: int | None
    name: str
    started: Started | None
    finished: int | None
    newest: int  # milliseconds of the last thing heard
    nesting: int = 0  # how many tasks Task.replace put in each other's place


def derive(short: str, facts: Mapping[Key, str | None]) -> Derived:
    """Return the state of a task by (attempt, rank), whatever the order in which its facts arrived."""
    attempt = max((n for kind, n in facts if kind in _ATTEMPT_KINDS), default=0)
    at, name = _published(facts.get((PUBLISHED, 0)))
    nesting = max((n for kind, n in facts if kind == NAME), default=0)
    name = facts.get((NAME, nesting)) or name
    state, finished = _state(facts, attempt)
    newest = max((_number(value) or 0 for (kind, _), value in facts.items() if kind in _TIMED_KINDS), default=0)
    started = _started(facts.get((STARTED, attempt)))
    return Derived(short, state, attempt, at, name, started, finished, newest, nesting)


_ATTEMPT_KINDS = frozenset((*FINAL_KINDS, STARTED, RETRIED))
_TIMED_KINDS = frozenset((*FINAL_KINDS, STARTED, RETRIED, PUBLISHED, REVOKE_REQUESTED))
_STATE_OF = {kind: state for state, kind in ENDED.items()}


def _state(facts: Mapping[Key, str | None], attempt: int) -> tuple[str, int | None]:
    for kind in reversed(FINAL_KINDS):
        if (kind, attempt) in facts:
            return _STATE_OF[kind], _number(facts[kind, attempt])
    if (RETRIED, attempt) in facts:
        return states.RETRY, None
    return (states.STARTED if (STARTED, attempt) in facts else states.PENDING), None


def _published(value: str | None) -> tuple[int | None, str]:
    at, _, name = (value or "").partition(" ")
    return _number(at), name


def _started(value: str | None) -> Started | None:
    at, _, rest = (value or "").partition(" ")
    received, _, hostname = rest.partition(" ")
    moment = _number(at)
    return None if moment is None else Started(moment, _number(received), hostname)


def _number(value: str | None) -> int | None:
    digits = (value or "").partition(" ")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 15 else None


def moment(milliseconds: int | None) -> datetime | None:
    """Return an aware datetime in UTC."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def progress_text(progress: Progress) -> str:
    return f"{progress.current:.15g} {progress.total:.15g} {progress.message}".rstrip()


def progress_of(value: str | None) -> Progress | None:
    """Return the progress that ``progress_text`` wrote, or None when it is not one."""
    current, _, rest = (value or "").partition(" ")
    total, _, message = rest.partition(" ")
    try:
        progress = Progress(float(current), float(total), message)
    except ValueError:
        return None
    return progress if isfinite(progress.current) and isfinite(progress.total) else None


def requested_at(value: str | None) -> datetime | None:
    """Return when a task was asked to be revoked, as its fact says."""
    return moment(_number(value))


def tracked_task(
    derived: Derived,
    facts: Mapping[Key, str | None],
    *,
    label: str,
    lost: bool = False,
) -> TrackedTask:
    """Return the value that the public API hands out. ``lost`` says that its worker is gone."""
    attempt = derived.attempt
    state = states.LOST if lost else derived.state
    failed = state in (states.FAILURE, states.RETRY)
    parent, again = facts.get((PARENT, 0)), facts.get((RETRY_OF, 0))
    return TrackedTask(
        id=long_id(derived.short),
        name=derived.name,
        label=label,
        state=state,
        attempts=attempt + 1,
        published_at=moment(derived.published),
        received_at=moment(derived.started.received) if derived.started else None,
        started_at=moment(derived.started.at) if derived.started else None,
        finished_at=moment(derived.finished),
        worker=facts.get((HOSTNAME, attempt)) or (derived.started.hostname if derived.started else None) or None,
        progress=progress_of(facts.get((PROGRESS, attempt))),
        error=(facts.get((ERROR, attempt)) or None) if failed else None,
        retry_of=long_id(again) if again else None,
        revoke_requested_at=requested_at(facts.get((REVOKE_REQUESTED, 0))),
        parent_id=long_id(parent) if parent else None,
    )
