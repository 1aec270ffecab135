"""What is handed to a recorder, and how several events become one write."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from billiard.exceptions import SoftTimeLimitExceeded

from ...exceptions import StorePartlyUnavailable
from ...logs import get_logger, is_new
from .. import counters
from ..gil import let_go
from ..refs import ObjectRef
from ..store import Batch, add_fields

logger = get_logger("celery_ops.tracking")

EVENTS_A_WRITE: Final = 100
#: Events that are told before Python's lock is let go of.
TOLD_AT_ONCE: Final = 8

#: What one event knows, or what tells it when it is about to be written: the method of what knows more with each event,
#: and tells all of it, is called once for those that are written together. A function may come with what it is to be
#: called with, as one tuple: Python keeps those of earlier events at hand, and they have nobody look for garbage.
Event = Batch | Callable[[], Batch] | tuple[Any, ...]
#: An event, behind the prefix of the moment when it happened.
Handed = tuple[str, Event]
#: What an event told, behind the same.
Kept = tuple[str, Batch]


def taken(events: deque[Any], number: int = EVENTS_A_WRITE) -> list[Any]:
    """Take the first of them, as many as are written at once."""
    first: list[Any] = []
    try:
        while len(first) < number:
            first.append(events.popleft())
    except IndexError:  # others may take as well: length and pop are two steps
        pass
    return first


def all_told(handed: Sequence[Handed]) -> Iterator[Kept]:
    """Yield what each of these events knows, and nothing where one of them has told it already."""
    told: dict[str, dict[int, object]] = {}  # by prefix, what knew of earlier ones of these events, and so of all
    telling = 0
    for whose, event in handed:
        if type(event) is list:
            yield whose, event  # it was told where it happened
            continue
        telling += 1
        if not telling % TOLD_AT_ONCE:
            let_go()
        teller, known = getattr(event, "__self__", event), told.setdefault(whose, {})
        if id(teller) in known:
            yield whose, ()
        elif batch := _told(event):
            known[id(teller)] = teller
            yield whose, batch


def _told(event: Event) -> Batch:
    tell: tuple[Any, ...] = event if type(event) is tuple else (event,)
    if not callable(tell[0]):
        return event  # type: ignore[return-value]  # it is told already
    try:
        return tell[0](*tell[1:])
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        counters.add("errors")
        if is_new("an event", type(error)):
            logger.warning("An event could not be told; the task is not affected. Said once.", exc_info=True)
        return ()


def by_prefix(events: Sequence[Kept]) -> dict[str, list[Batch]]:
    """Return what was told under each prefix."""
    batches: dict[str, list[Batch]] = {}
    for whose, batch in events:
        batches.setdefault(whose, []).append(batch)
    return batches


def merged(batches: Sequence[Batch]) -> Batch:
    """Return one batch that says what all of them say, oldest first."""
    if len(batches) == 1:
        return batches[0]
    told: dict[ObjectRef, tuple[ObjectRef, Mapping[str, str]]] = {}
    own: dict[ObjectRef, dict[str, str]] = {}  # of which several batches tell: what an event told is left as it is
    for batch in batches:
        for pair in batch:
            ref, facts = pair
            if (earlier := told.setdefault(ref, pair)) is pair:
                continue
            if ref not in own:
                own[ref] = {**earlier[1]}
                told[ref] = (ref, own[ref])
            add_fields(own[ref], facts)
    return list(told.values())


def part_of(batches: Sequence[Batch], error: StorePartlyUnavailable) -> list[Batch]:
    """Return what of these could not be written."""
    left = {ref for ref, _fields in error.left}
    parts = ([(ref, fields) for ref, fields in batch if ref in left] for batch in batches)
    return [part for part in parts if part]


def count_written(events: int, refused: int = 0) -> None:
    """Count so many events as written, and objects that the store refused for good."""
    counters.add("written", events)
    if refused:
        counters.add("refused", refused)
