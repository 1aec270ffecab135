"""What is stored of a task are facts, one field each; its state is derived from them on reading.

A fact says what one event knew: the task, the attempt, the kind, the time. Writing it again changes nothing. How fields
are told apart is in ``lives``, what they come to in ``deriving``.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import lru_cache
from itertools import count
from math import isfinite
from typing import Final
from urllib.parse import quote, unquote

from .. import states
from ..info import Progress
from .keys import short_host as short_host  # where it has always been found

# Kinds, one character each: every byte is paid for a million times.
PUBLISHED: Final = "p"  # "<ms> <task name>", behind a tag what that does not say of the time; a long name stands alone
NAME: Final = "n"  # and of what Task.replace sent, with its nesting: the first publisher may tell its own name last
ARGUMENTS: Final = "a"  # with the nesting, too
PARENT: Final = "u"  # the id of the task that launched it
RETRY_OF: Final = "y"  # the id of the task that it is once more
STARTED_BY: Final = "w"  # as the message's header has it
DUE: Final = "q"  # when it is to run, and its priority: as ``due`` has it
DJANGO_RESULT: Final = "j"  # the id of the Django result that it makes, where that is another one
SCHEDULE: Final = "l"  # the entry's name, of what beat sent
TRACE: Final = "d"  # 32 hex digits: the trace that the attempt's message belongs to
POSITION: Final = "v"  # in a workflow: the parent, the group and the place in it, as ``workflows`` writes that
STEPS: Final = "z"  # in a workflow: the steps that its message says are to come, as ``steps`` writes that
CANVAS: Final = "f"  # in a workflow: the same steps with what they are given, as ``canvas`` writes that
OBJECTS: Final = "k"  # of a task that failed, in its own place: what it belongs to, as the index says it
STARTED: Final = "s"  # "<ms> <received ms or ->.<pid> <hostname>": of celery@web just @web, a long one short_host cuts
HOSTNAME: Final = "h"
RETRIED: Final = "t"  # "<ms>[/<CPU ms>[/<KiB>]]"
RETURNED: Final = "r"  # "<ms>": this execution came to nothing, and its message is back in the queue
CUT: Final = "c"  # "<ms>": its worker was shut down while it ran, and its message is gone
REPLACED: Final = "i"  # "<ms>": this execution ended by Task.replace
NESTING: Final = "m"  # of an execution of what Task.replace sent: its nesting
PROGRESS: Final = "g"  # "<current> <total> <message>"
ERROR: Final = "e"
TRACEBACK: Final = "b"
RESULT: Final = "o"
REVOKE_REQUESTED: Final = "x"  # "<ms>"
ENDED: Final = {  # "<ms>[/<CPU ms>[/<KiB>]]": all but the publish's count from that, where it is known
    states.IGNORED: "I",
    states.REJECTED: "J",
    states.REVOKED: "R",
    states.FAILURE: "F",
    states.SUCCESS: "S",
}
#: What a workflow knows of its tasks: when and how, and by whom, but no values.
IN_WORKFLOW: Final = frozenset(
    (PUBLISHED, NAME, STARTED, HOSTNAME, RETRIED, RETURNED, CUT, REPLACED, NESTING, *ENDED.values())
)
FINAL_KINDS: Final = tuple(ENDED[state] for state in states.FINAL_ORDER)

#: Marks a text that redaction or the size limit changed: such arguments cannot be used to run a task again.
INEXACT: Final = "~"
EXACT: Final = "="
TYPED: Final = ":"  # exact, in kombu's JSON: it says which texts are dates, times, Decimals and UUIDs

_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
#: What Celery calls workers unless they are told their name: it is left out of a start.
_USUAL: Final = "celery"
#: Digits of a process's id: every system's are 32 bits at most.
LONGEST_PID: Final = 7

#: Bytes that leave room for times in a value that a store keeps short: what is asked for in any list.
SHORT_NAME: Final = 48

Key = tuple[str, int]  # kind, attempt

_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
#: As Celery writes it; what is written otherwise would come back as another text.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_SHORT: Final = re.compile(r"=[^:]*:|[\w-]{22}", re.ASCII)
FIELD = re.compile(r"(=[^:]*:|[\w-]{22})([a-zA-Z])(\d{0,9})(?:([a-zA-Z][\w-]{3})([\w-]{2})?)?", re.ASCII)

#: A life is told by when it was published, to so many milliseconds: 30 hours make no two the same.
LIFE_RESOLUTION: Final = 8
#: The life of what was published without celery_ops, at a time that nobody knows.
UNTIMED: Final = "z---"
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYabcdefghijklmnopqrstuvwxyZ0123456789-_z"
_LIVES: Final = _DIGITS.index("Z") * 64**3  # only letters stand first
#: Tags of executions that there are.
_TAGS: Final = 64**2


@lru_cache(maxsize=1024)
def short_id(task_id: str) -> str:
    """Return the id as fields begin with it: 22 characters for a UUID, else the quoted id between ``=`` and ``:``."""
    if _UUID.fullmatch(task_id):
        raw = binascii.b2a_base64(bytes.fromhex(task_id.replace("-", "")))
        return raw[:22].translate(_URL_SAFE).decode()
    return f"={quote(task_id, safe='', errors='surrogatepass')}:"


def is_short_id(text: str) -> bool:
    """Return whether ``short_id`` may have written this."""
    return _SHORT.fullmatch(text) is not None


def short_id_in(name: str) -> str:
    """Return the short id that a field's name begins with."""
    return name[: name.find(":") + 1] if name.startswith("=") else name[:22]


def long_id(short: str) -> str:
    """Return the task id that ``short_id`` shortened. Raises ValueError for most of what it did not write."""
    if short.startswith("="):
        return unquote(short[1:-1], errors="surrogatepass")
    text = base64.urlsafe_b64decode(short + "==").hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def id_in(short: str | None) -> str:
    """Return the task id that a fact says, empty where it says none: anybody may have written it."""
    try:
        return long_id(short) if short else ""
    except ValueError:
        return ""


def life_tag(published_at: int | None) -> str:
    """Return the tag of the life that began with a publish then, in milliseconds since the epoch."""
    if published_at is None:
        return UNTIMED
    return _life_tag(published_at // LIFE_RESOLUTION)


@lru_cache(maxsize=256)
def _life_tag(step: int) -> str:
    """A burst has many that begin in one step."""
    first, rest = divmod(step % _LIVES, 64**3)
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
    """Return a tag for one delivery of a message: a process gives none again before all others.

    Two processes give the same to deliveries of one message once in so many times, and these count as one then.
    """
    number = next(_tags(os.getpid())) % _TAGS
    return base64.urlsafe_b64encode((number << 4).to_bytes(2, "big"))[:2].decode()


@lru_cache(maxsize=1)
def _tags(pid: int) -> Iterator[int]:
    """A process that was forked begins anew: it would go on as its parent does."""
    return count(int.from_bytes(os.urandom(2), "big"))


def field(task_id: str, kind: str, attempt: int = 0, tag: str = "") -> str:
    return f"{short_id(task_id)}{kind}{attempt or ''}{tag}"


def published(task_id: str, at: int | None, name: str, nesting: int = 0, life: str = "") -> dict[str, str]:
    """Return the facts of a publish: when, in milliseconds since the epoch, and the name of the ``nesting``th task."""
    text = publish_text(at, name, life)
    if not nesting and " " in text:
        return {field(task_id, PUBLISHED, 0, life): text}
    time = text.partition(" ")[0]
    return {field(task_id, PUBLISHED, 0, life): time, field(task_id, NAME, nesting, life): name}


def publish_text(at: int | None, name: str, life: str) -> str:
    """Return what a life's first fact says: when it was published, and the name where that is short."""
    moment = _untagged(at) if life and at is not None else at
    time = "-" if moment is None else str(moment)
    is_short = len(name) <= SHORT_NAME and (name.isascii() or len(name.encode("utf-8", "replace")) <= SHORT_NAME)
    return f"{time} {name}" if is_short else time


def started(
    at: int, received: int | None, hostname: str, published_at: int | None = None, pid: int | None = None
) -> dict[str, str]:
    """Return the facts of a start by kind: when, when it was received, by which worker, and by which of its processes.

    The process is written in base 36: four bytes of each task's, and no event more.
    """
    short = short_host(hostname)
    then = "-" if received is None else since(published_at, received)
    if pid is not None:
        then = f"{then}.{_base36(pid)}"
    facts = {STARTED: f"{since(published_at, at)} {then} {_without_usual_name(short)}"}
    return facts if short == hostname else {**facts, HOSTNAME: hostname}


@lru_cache(maxsize=64)
def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits or "0"


def start_in(value: str | None, published_at: int | None) -> tuple[int | None, int | None, int | None, str]:
    """Return what the fact of a start says: when, when it was received, the process's id, and the short hostname."""
    at, _, rest = (value or "").partition(" ")
    then, _, hostname = rest.partition(" ")
    received, _, pid = then.partition(".")
    return time_in(at, published_at), time_in(received, published_at), _pid_in(pid), _with_usual_name(hostname)


def _without_usual_name(hostname: str) -> str:
    """Return ``@web`` for ``celery@web``: most workers are called so, and a short field has room for what follows."""
    return hostname.removeprefix(_USUAL) if hostname.startswith(f"{_USUAL}@") else _escaped(hostname)


def _with_usual_name(hostname: str) -> str:
    return f"{_USUAL}{hostname}" if hostname[:1] == "@" != hostname[1:2] else hostname.removeprefix("@")


def _escaped(hostname: str) -> str:
    return f"@{hostname}" if hostname.startswith("@") else hostname


def _pid_in(text: str) -> int | None:
    return int(text, 36) if text.isascii() and text.isalnum() and len(text) <= LONGEST_PID else None


def since(published_at: int | None, at: int) -> str:
    """Return a time as it is stored: the milliseconds since the publish where that is known, since the epoch if not."""
    return str(at if published_at is None else at - published_at)


#: Milliseconds below which a time counts from the publish: three years.
_COUNTED: Final = 10**11


def publish_in(value: str | None, life: str) -> tuple[int | None, str]:
    """Return when a task was published, in ms since the epoch, and its name, as the fact of this life says."""
    at, _, name = (value or "").partition(" ")
    number = number_in(at)
    if life and number is not None and 0 <= number < _COUNTED:
        number = _with_tag(number, life)
    return number, name


def number_in(value: str | None) -> int | None:
    """Return the number that a stored value begins with, None where it does not."""
    digits = (value or "").partition(" ")[0].partition("/")[0]  # behind it, what an attempt cost
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
    return sign * int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 15 else None


def time_in(value: str | None, published_at: int | None) -> int | None:
    """Return a stored time in milliseconds since the epoch."""
    number = number_in(value)
    if number is None or abs(number) >= _COUNTED:
        return number
    return None if published_at is None else published_at + number


def moment(milliseconds: int | None) -> datetime | None:
    """Return an aware datetime in UTC. Raises ValueError, OverflowError and OSError beyond what a datetime holds."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def moment_or_none(milliseconds: int | None) -> datetime | None:
    """Return the time, None for none and for one beyond what a datetime holds: that is not ours."""
    try:
        return moment(milliseconds)
    except (ValueError, OverflowError, OSError):
        return None


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
    return moment(number_in(value))
