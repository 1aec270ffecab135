"""Which task runs where in this process: by thread, or by greenlet where the pool has those."""

import sys
from _thread import get_ident
from collections.abc import Callable
from types import FrameType
from typing import Any

_places: dict[str, Any] = {}
_here: Callable[[], Any] = get_ident


def begin(task_id: str) -> None:
    """Note that a task begins here."""
    _places[task_id] = _here()


def end(task_id: str) -> None:
    """Note that it has ended here: the same message may have been delivered twice, and run elsewhere still."""
    if _places.get(task_id) == _here():
        del _places[task_id]


def frame_of(task_id: str) -> FrameType | None:
    """Return the innermost frame of a task that runs in this process; None where none does, or it runs just here."""
    place = _places.get(task_id)
    if place is None:
        return None
    return sys._current_frames().get(place) if isinstance(place, int) else place.gr_frame


def use_greenlets() -> None:
    """Tell tasks apart by their greenlets from now on."""
    global _here
    from greenlet import getcurrent

    _here = getcurrent
