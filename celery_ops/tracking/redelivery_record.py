"""Which tasks began whose messages brokers had marked as delivered before: a bounded record of a day's newest.

A mark says that a broker gave the message out before, not that a worker began it then: facts tell that. Nothing is
written of messages without a mark, and of those with one a field goes with the write of their start.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

from . import facts
from .recorder import recorder
from .refs import ObjectRef
from .stamp import now_ms
from .store import INDEX, SHORT

#: Milliseconds that a record is of, fields that it has, and tasks that are read of it.
DAY: Final = 86_400_000
PLACES: Final = 1024
MOST_READ: Final = 100

Entry = tuple[ObjectRef, Mapping[str, str]]


def is_marked(delivery_info: Any) -> bool:
    """Return whether the broker says that it gave this message out before."""
    return isinstance(delivery_info, dict) and bool(delivery_info.get("redelivered"))


def entries(task_id: str, published: int | None) -> Sequence[Entry]:
    """Return what notes that a task began again, ``published`` in ms since the epoch; None for now.

    Of two tasks in one place the newer is kept: of a day's 30 that begin again one is missing in one day of three.
    """
    moment = now_ms()
    place = str(crc32(task_id.encode("utf-8", "surrogatepass")) % PLACES)
    text = f"{moment} {published or moment} {facts.short_id(task_id)}"
    return [(_record(moment), {place: text})] if len(text) <= SHORT else []  # the others' ids are somebody's own


def noted() -> dict[str, int]:
    """Return when each task was published that began again today or yesterday (UTC), by id: the newest ``MOST_READ``.

    One round trip. Raises StoreUnavailable.
    """
    now = now_ms()
    days = recorder().ask(lambda store: store.read([_record(now), _record(now - DAY)]))
    starts: list[tuple[int, str, int]] = []
    for text in (text for stored in days for text in stored.values()):
        begun, _, rest = (text or "").partition(" ")
        published, _, short = rest.partition(" ")
        at, sent = facts.number_in(begun), facts.number_in(published)
        if at is not None and sent is not None and facts.FIELD.fullmatch(f"{short}{facts.STARTED}"):
            starts.append((at, short, sent))
    return {facts.long_id(short): sent for _at, short, sent in sorted(starts, reverse=True)[:MOST_READ]}


def _record(moment: int) -> ObjectRef:
    return ObjectRef(INDEX, f"twice-{moment // DAY}")
