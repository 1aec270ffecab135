"""What is stored of a task are facts, one field each; its state is derived from them on reading.

A fact says what one event knew: the task, the attempt, the kind, the time. Writing it again changes nothing, and the
state goes by (attempt, rank), so events may arrive late, twice or in any order.

Each publish of a task by somebody begins a life: an id may be used again, and the newest life is what is told. Within
an attempt each delivery of its message is an execution: a message may be delivered twice. Both are tags in a field's
name, so no life and no execution writes over another.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from math import isfinite
from typing import Final
from urllib.parse import quote, unquote

from django.utils.translation import gettext as _

from .. import states
from ..info import Progress, TrackedTask

# Kinds, one character each: every byte is paid for a million times.
PUBLISHED: Final = "p"  # "<ms> <task name>", behind a tag what that does not say of the time; a long name stands alone
NAME: Final = "n"  # and of what Task.replace sent, with its nesting: the first publisher may tell its own name last
ARGUMENTS: Final = "a"  # with the nesting, too
PARENT: Final = "u"  # the id of the task that launched it
RETRY_OF: Final = "y"  # the id of the task that it is once more
OBJECTS: Final = "k"  # of a task that failed, in its own place: what it belongs to, as the index says it
STARTED: Final = "s"  # "<ms> <received ms or -> <hostname>"; of a long hostname, what short_host makes of it
HOSTNAME: Final = "h"
RETRIED: Final = "t"  # "<ms>"
RETURNED: Final = "r"  # "<ms>": this execution came to nothing, and its message is back in the queue
CUT: Final = "c"  # "<ms>": its worker was shut down while it ran, and its message is gone
PROGRESS: Final = "g"  # "<current> <total> <message>"
ERROR: Final = "e"
TRACEBACK: Final = "b"
RESULT: Final = "o"
REVOKE_REQUESTED: Final = "x"  # "<ms>"
ENDED: Final = {  # "<ms>": all but the publish's count from that, where it is known
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
Tagged = tuple[str, int, str, str]  # kind, attempt, tag of the life, tag of the execution

_FIELD = re.compile(r"(=[^:]*:|[\w-]{22})([a-zA-Z])(\d{0,9})(?:([a-zA-Z][\w-]{3})([\w-]{2})?)?", re.ASCII)

#: A life is told by when it was published, to so many milliseconds: 30 hours make no two the same.
LIFE_RESOLUTION: Final = 8
#: The life of what was published without celery_ops, at a time that nobody knows.
UNTIMED: Final = "z---"
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYabcdefghijklmnopqrstuvwxyZ0123456789-_z"
_LIVES: Final = _DIGITS.index("Z") * 64**3  # only letters stand first


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


def life_tag(published_at: int | None) -> str:
    """Return the tag of the life that began with a publish then, in milliseconds since the epoch."""
    if published_at is None:
        return UNTIMED
    first, rest = divmod(published_at // LIFE_RESOLUTION % _LIVES, 64**3)
    return _DIGITS[first] + _DIGITS[rest // 4096] + _DIGITS[rest // 64 % 64] + _DIGITS[rest % 64]


def _untagged(published_at: int) -> int:
    """What a life's tag does not say of when it began."""
    return published_at // LIFE_RESOLUTION // _LIVES * LIFE_RESOLUTION + published_at % LIFE_RESOLUTION


def _with_tag(untagged: int, tag: str) -> int:
    place = 0
    for digit in tag:
        place = place * 64 + _DIGITS.index(digit)
    rounds, rest = divmod(untagged, LIFE_RESOLUTION)
    return (rounds * _LIVES + place) * LIFE_RESOLUTION + rest


def execution_tag() -> str:
    """Return a tag for one delivery of a message."""
    return base64.urlsafe_b64encode(os.urandom(2))[:2].decode()


def field(task_id: str, kind: str, attempt: int = 0, tag: str = "") -> str:
    return f"{short_id(task_id)}{kind}{attempt or ''}{tag}"


def published(task_id: str, at: int | None, name: str, nesting: int = 0, life: str = "") -> dict[str, str]:
    """Return the facts of a publish: when, in milliseconds since the epoch, and the name of the ``nesting``th task."""
    moment = _untagged(at) if life and at is not None else at
    said = "-" if moment is None else str(moment)
    if len(name) <= SHORT_NAME and not nesting:
        return {field(task_id, PUBLISHED, 0, life): f"{said} {name}"}
    return {field(task_id, PUBLISHED, 0, life): said, field(task_id, NAME, nesting, life): name}


def started(at: int, received: int | None, hostname: str, published_at: int | None = None) -> dict[str, str]:
    """Return the facts of a start by kind: when, when it was received, and by which worker."""
    short = short_host(hostname)
    then = "-" if received is None else since(published_at, received)
    known = {STARTED: f"{since(published_at, at)} {then} {short}"}
    return known if short == hostname else {**known, HOSTNAME: hostname}


def since(published_at: int | None, at: int) -> str:
    """Return a time as it is stored: the milliseconds since the publish where that is known, since the epoch if not."""
    return str(at if published_at is None else at - published_at)


def short_host(hostname: str) -> str:
    """Return what stands for a worker where room is short: the name, or its beginning and a digest."""
    if len(hostname) <= SHORT_HOST:
        return hostname
    digest = hashlib.sha256(hostname.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{hostname[: SHORT_HOST - 13]}~{digest}"


@dataclass(frozen=True, slots=True)
class Life:
    """What is told of a task since it was last published; of an attempt, by the execution that counts.

    ``tags`` says where each fact is stored, ``executions`` how often the task was begun.
    """

    facts: dict[Key, str | None]
    tags: dict[Key, str]
    executions: int = 0

    def field(self, short: str, key: Key) -> str:
        kind, attempt = key
        return f"{short}{kind}{attempt or ''}{self.tags[key]}"


def by_task(stored: Iterable[tuple[str, str | None]]) -> dict[str, Life]:
    """Return an object's stored fields as ``{short id: its newest life}``; unreadable ones are left out."""
    tasks: dict[str, dict[Tagged, str | None]] = {}
    for name, value in stored:
        if match := _FIELD.fullmatch(name):
            short, kind, attempt, life, execution = match.groups()
            tasks.setdefault(short, {})[kind, int(attempt or 0), life or "", execution or ""] = value
    return {short: _newest(told) for short, told in tasks.items()}


def by_life(stored: Mapping[str, str | None]) -> dict[tuple[str, str], tuple[Life, list[str]]]:
    """Return ``{(short id, tag): a life, the names of its fields}`` of an object's stored fields."""
    names: dict[tuple[str, str], list[str]] = {}
    for name in stored:
        if match := _FIELD.fullmatch(name):
            names.setdefault((match[1], match[4] or ""), []).append(name)
    return {key: (by_task((name, stored[name]) for name in mine)[key[0]], mine) for key, mine in names.items()}


def _newest(told: Mapping[Tagged, str | None]) -> Life:
    """The life that was published last, with all that is told under another tag of the same publish."""
    begun = {key[2]: _begun(told, key[2]) for key in told if key[:2] == (PUBLISHED, 0)}
    if not begun:
        return _told(told)
    last = max(begun.values())
    lives = {life for life, at in begun.items() if at == last}
    if len(begun) == 1 or (_number(told.get(_REVOKED)) or 0) >= last:  # whoever asks for it knows of no lives
        lives.add(_REVOKED[2])
    return _told({key: value for key, value in told.items() if key[2] in lives})


_REVOKED: Final[Tagged] = (REVOKE_REQUESTED, 0, "", "")


def _begun(told: Mapping[Tagged, str | None], life: str) -> int:
    """When a life began; one whose publish nobody timed, with its last start."""
    at, _name = _published(told.get((PUBLISHED, 0, life, "")), life)
    if at is not None:
        return at
    starts = [_number(value) or 0 for key, value in told.items() if (key[0], key[2]) == (STARTED, life)]
    return max(starts, default=0)


def _told(life: Mapping[Tagged, str | None]) -> Life:
    attempts: dict[int, dict[str, dict[str, str | None]]] = {}
    for (kind, attempt, _life, execution), value in life.items():
        attempts.setdefault(attempt, {}).setdefault(execution, {})[kind] = value
    counting = {attempt: max(tags, key=lambda tag: _counts(tags[tag], tag)) for attempt, tags in attempts.items()}
    facts: dict[Key, str | None] = {}
    places: dict[Key, str] = {}
    for (kind, attempt, tag, execution), value in life.items():
        if execution == counting[attempt] or kind in _OF_LIVES:
            facts[kind, attempt], places[kind, attempt] = value, tag + execution
    return Life(facts, places, sum(key[0] == STARTED for key in life))


def _counts(execution: Mapping[str, str | None], tag: str) -> tuple[bool, bool, int, str]:
    """Of several executions of an attempt one that succeeded counts, else an end without a start, else the last begun.

    Only their starts say which of two deliveries came later.
    """
    begun = STARTED in execution
    is_end = not begun and any(kind in execution for kind in FINAL_KINDS)
    return ENDED[states.SUCCESS] in execution, is_end, _number(execution.get(STARTED)) or 0, tag


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
    executions: int = 0  # how often it was begun


def derive(short: str, life: Life) -> Derived:
    """Return the state of a task by (attempt, rank), whatever the order in which its facts arrived."""
    facts = life.facts
    attempt = max((n for kind, n in facts if kind in _ATTEMPT_KINDS), default=0)
    at, name = _published(facts.get((PUBLISHED, 0)), life.tags.get((PUBLISHED, 0), ""))
    nesting = max((n for kind, n in facts if kind == NAME), default=0)
    name = facts.get((NAME, nesting)) or name
    state, finished = _state(facts, attempt)
    times = [_time(value, at) or 0 for (kind, _), value in facts.items() if kind in _TIMED_KINDS]
    waits = state == states.PENDING  # again, where its message was given back
    return Derived(
        short,
        state,
        attempt,
        at,
        name,
        started=None if waits else _started(facts.get((STARTED, attempt)), at),
        finished=_time(finished, at),
        newest=max(times, default=0),
        nesting=nesting,
        executions=life.executions,
    )


#: What an attempt may have come to, the weakest first.
_OUTCOMES: Final = {
    STARTED: states.STARTED,
    RETURNED: states.PENDING,
    CUT: states.LOST,
    RETRIED: states.RETRY,
    **{kind: state for state, kind in sorted(ENDED.items(), key=lambda end: states.FINAL_ORDER.index(end[0]))},
}
_ATTEMPT_KINDS = frozenset(_OUTCOMES)
_TIMED_KINDS = frozenset((*_OUTCOMES, PUBLISHED, REVOKE_REQUESTED))
_OF_LIVES = frozenset((PUBLISHED, NAME, ARGUMENTS, PARENT, RETRY_OF, REVOKE_REQUESTED, OBJECTS))


def _state(facts: Mapping[Key, str | None], attempt: int) -> tuple[str, str | None]:
    """The state of the attempt, and what is kept of when it ended."""
    for kind, state in reversed(_OUTCOMES.items()):
        if (kind, attempt) in facts:
            return state, facts[kind, attempt] if kind in FINAL_KINDS else None
    return states.PENDING, None


#: Milliseconds below which a time counts from the publish: three years.
_COUNTED: Final = 10**11


def _published(value: str | None, life: str) -> tuple[int | None, str]:
    at, _, name = (value or "").partition(" ")
    number = _number(at)
    if life and number is not None and 0 <= number < _COUNTED:
        number = _with_tag(number, life)
    return number, name


def _started(value: str | None, published_at: int | None) -> Started | None:
    at, _, rest = (value or "").partition(" ")
    received, _, hostname = rest.partition(" ")
    moment = _time(at, published_at)
    return None if moment is None else Started(moment, _time(received, published_at), hostname)


def _number(value: str | None) -> int | None:
    digits = (value or "").partition(" ")[0]
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
    return sign * int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 15 else None


def _time(value: str | None, published_at: int | None) -> int | None:
    """Return a stored time in milliseconds since the epoch."""
    number = _number(value)
    if number is None or abs(number) >= _COUNTED:
        return number
    return None if published_at is None else published_at + number


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
    life: Life,
    *,
    label: str,
    lost: bool = False,
) -> TrackedTask:
    """Return the value that the public API hands out. ``lost`` says that its worker is gone."""
    facts, attempt = life.facts, derived.attempt
    state = states.LOST if lost else derived.state
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
        worker=(facts.get((HOSTNAME, attempt)) or derived.started.hostname or None) if derived.started else None,
        progress=progress_of(facts.get((PROGRESS, attempt))),
        error=_error(state, facts, attempt),
        retry_of=long_id(again) if again else None,
        revoke_requested_at=requested_at(facts.get((REVOKE_REQUESTED, 0))),
        parent_id=long_id(parent) if parent else None,
        executions=derived.executions,
    )


def _error(state: str, facts: Mapping[Key, str | None], attempt: int) -> str | None:
    """What went wrong in the attempt, or what interrupted it."""
    told = facts.get((ERROR, attempt)) or None
    if state in (states.FAILURE, states.RETRY):
        return told
    if state == states.LOST and (CUT, attempt) in facts:
        return "Interrupted: " + _("its worker was shut down while it ran, and its message is gone")
    if state == states.PENDING and (RETURNED, attempt) in facts:
        return told or "Interrupted: " + _("its worker was shut down while it ran; its message is back in the queue")
    return None
