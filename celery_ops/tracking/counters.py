"""What tracking did and could not do in this process: nothing is lost without being counted."""

import threading
from collections import Counter

#: written: events stored. kept: events put aside while the store was away. lost: events dropped because more than the
#: spill holds were put aside, or because the process ended before the store was back. refused: events that the store
#: refused for good. unlinked: tasks whose arguments named no object. errors: receivers and template tags that failed.
#: outages: times the store went away. uncounted: events that are in no number, since too much waited for the store.
NAMES = ("written", "kept", "lost", "refused", "unlinked", "errors", "outages", "uncounted")

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def add(name: str, count: int = 1) -> None:
    with _lock:
        _counts[name] += count


def counts() -> dict[str, int]:
    """Return every counter of this process by name."""
    with _lock:
        return {name: _counts[name] for name in NAMES}


def reset() -> None:
    """Start again from zero, as a forked child does."""
    global _lock
    _lock = threading.Lock()
    _counts.clear()
