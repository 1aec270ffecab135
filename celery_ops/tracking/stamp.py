"""The message header that carries a task's objects from the publisher to the worker."""

import json
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from .refs import ObjectRef

HEADER = "celery_ops"
#: When any message was published, in milliseconds since the epoch: how long the oldest one of a queue has waited.
PUBLISHED = "celery_ops_published"
#: Under which prefix a message's facts belong, on sites where that depends on who asks: a worker serves everybody.
WHOSE = "celery_ops_whose"
#: Who started it, as ``started_by`` writes that.
STARTED_BY = "celery_ops_started_by"
#: Which workflow it is part of, as ``workflows`` writes that.
WORKFLOW = "celery_ops_workflow"
#: For which entry of its schedule beat sent it: the entry's name.
SCHEDULE = "celery_ops_schedule"
#: When a message that was sent again was published first.
FIRST_PUBLISHED = "celery_ops_first_published"
#: Set by the worker's main process on what it hands to its pool, in milliseconds since the epoch.
RECEIVED = "celery_ops_received"
#: Beside it: a tag of this delivery of the message, which tells its execution from those of other deliveries.
DELIVERY = "celery_ops_delivery"
#: When the attempt of a task that belongs to no object began, noted on its request where it is executed.
BEGUN = "celery_ops_begun"

#: Headers of ours that a message carries. All others that begin so are noted on a request by the process that has it.
CARRIED = frozenset((HEADER, PUBLISHED, WHOSE, STARTED_BY, WORKFLOW, SCHEDULE, FIRST_PUBLISHED))

MAX_OBJECTS = 16
#: Characters of an entry's name that a message carries: of a longer one nothing is said.
MAX_SCHEDULE = 250

#: How the labels begin that the store has for what is no object.
RESERVED = "~"

encode = json.JSONEncoder(separators=(",", ":")).encode


class Stamp(NamedTuple):
    """``own`` objects come from the task's binding or the caller's ``tracking()``, ``inherited`` from its parent."""

    own: tuple[ObjectRef, ...]
    inherited: tuple[ObjectRef, ...] = ()
    published: int | None = None  # milliseconds since the epoch, of the first publish
    #: Not None: the publisher could not tell the binding's objects, and the worker is to; so many leading arguments
    #: came from a previous step's result.
    undecided: int | None = None
    #: The same of a task's own facts; not in the header's text.
    whose: str = ""
    #: Who started it, empty where nobody is known; a header of its own.
    started_by: str = ""
    #: Which workflow it is part of, empty where it is alone; a header of its own.
    workflow: str = ""
    #: For which entry beat sent it, empty where beat did not; a header of its own.
    schedule: str = ""
    #: It belongs to no object and comes from a task of which something is kept: its workflow knows it, too.
    is_step: bool = False

    @property
    def refs(self) -> tuple[ObjectRef, ...]:
        return self.own + self.inherited

    @property
    def is_kept(self) -> bool:
        """Whether anything is kept of the task: for its objects, or for its workflow alone."""
        return bool(self.own or self.inherited or self.is_step)

    def encoded(self) -> str:
        """Return the header's text: JSON, since every transport carries a string unchanged."""
        if len(self.own) == 1 and not self.inherited and self.undecided is None and type(self.published) is int:
            ref = self.own[0]
            if ref.pk.isalnum() and ref.pk.isascii() and _is_plain(ref.label):  # most are, and JSON takes longer
                return f'[{self.published},[["{ref.label}","{ref.pk}"]],[]]'
        parts = [self.published, [[r.label, r.pk] for r in self.own], [[r.label, r.pk] for r in self.inherited]]
        if self.is_step:
            return encode([*parts, self.undecided, 1])
        return encode(parts if self.undecided is None else [*parts, self.undecided])


@lru_cache(maxsize=256)
def _is_plain(label: str) -> bool:
    """Return whether JSON writes a label as it is."""
    return encode(label) == f'"{label}"'


def schedule_of(text: Any) -> str:
    """Return the entry that a header or a fact names, empty for what is no name of one: anybody may have written it."""
    return text if isinstance(text, str) and len(text) <= MAX_SCHEDULE and text.isprintable() else ""


def decoded(header: Any) -> Stamp | None:
    """Return the stamp of a header, or None when there is none or it is not one that we wrote."""
    if not isinstance(header, str):
        return None
    try:
        published, own, inherited, *rest = json.loads(header)
        own, inherited = _refs(own), _refs(inherited)
        undecided = int(rest[0]) if rest and rest[0] is not None else None
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None
    published = published if isinstance(published, int) else None
    return Stamp(own, inherited, published, undecided, is_step=rest[1:] == [1])


def _refs(pairs: Iterable[Any]) -> tuple[ObjectRef, ...]:
    refs = tuple(ObjectRef(label, pk) for label, pk in pairs)
    if len(refs) > MAX_OBJECTS or not all(map(_is_object, refs)):
        raise ValueError("not a stamp")
    return refs


def _is_object(ref: ObjectRef) -> bool:
    """Whether a header may name it: what the store keeps for itself is no model's."""
    return isinstance(ref.label, str) and isinstance(ref.pk, str) and not ref.label.startswith(RESERVED)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
