"""New failures, and those that came back after they were resolved: whoever saw one leaves it in the store.

It is told of by whoever evaluates next, so no task waits for a listener, and a storm of them is told of together.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from ..exceptions import StoreUnavailable
from ..logs import get_logger
from ..tracking.decorators import receiver
from ..tracking.recorder import recorder
from ..tracking.tallies import Row, Wanted
from .switch import is_on

logger = get_logger("celery_ops.alerts")

#: Seconds of one row, and for which it is kept: so far apart clocks may be.
A_ROW: Final = 3600
ROW_KEPT: Final = 3 * A_ROW
#: Failures that are read of a row, and characters of what is kept of one.
MOST_READ: Final = 2000
LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class SeenFailure:
    """A group of failures that is new, or has come back. ``id`` is of this event."""

    id: str
    key: str
    task_name: str
    is_regressed: bool


@receiver
def failure_seen(key: str, is_new: bool, is_regressed: bool, task_name: str = "", **_: Any) -> None:
    """Leave it for whoever evaluates next, where somebody wants to be told."""
    if not (is_new or is_regressed) or not is_on():
        return
    text = json.dumps([str(key)[:LONGEST_NAME], str(task_name)[:LONGEST_NAME], bool(is_regressed)])
    row = Row(_row_name(time.time()), ROW_KEPT, texts={uuid4().hex[:16]: text})
    try:
        recorder().ask(lambda store: store.add([row], uuid4().hex))
    except StoreUnavailable as error:
        logger.warning("Nobody is told of a new failure, for the store is away: %s", error)


def seen_failures(now: float) -> list[SeenFailure]:
    """Return those of the last hours, by clocks that may differ. One round trip. Raises StoreUnavailable."""
    names = [_row_name(now + hours * A_ROW) for hours in (-1, 0, 1)]
    rows = recorder().ask(lambda store: store.tallies(Wanted(fields=names))).fields
    return [seen for row in rows for seen in _read(list(row.items())[:MOST_READ])]


def _read(fields: list[tuple[str, str]]) -> Iterator[SeenFailure]:
    for event, text in fields:
        try:
            key, task_name, is_regressed = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(key, str) and isinstance(task_name, str):
            yield SeenFailure(event, key, task_name, bool(is_regressed))


def _row_name(at: float) -> str:
    return f"alerts:failures:{int(at // A_ROW)}"
