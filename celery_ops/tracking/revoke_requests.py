"""That somebody asked for a task to be revoked, whether or not a worker was there to hear it."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from . import facts, index
from .recorder import recorder
from .refs import ObjectRef
from .stamp import now_ms


def note_revokes_requested(places: Mapping[str, Iterable[ObjectRef]]) -> None:
    """Remember that somebody asked for tasks to be revoked, whether or not a worker is there to hear it. One write.

    ``places`` are the objects of each task, by its id.
    """
    now = str(now_ms())
    noted: dict[ObjectRef, dict[str, str]] = {}
    for task_id, refs in places.items():
        for ref in refs:
            noted.setdefault(ref, {})[facts.field(task_id, facts.REVOKE_REQUESTED)] = now
    recorder().record(list(noted.items()))


def revoke_noted_at(task_id: str) -> datetime | None:
    """Return when a task that belongs to no object was last asked to be revoked. Raises StoreUnavailable."""
    (stored,) = recorder().ask(lambda store: store.read([index.revoke_place(task_id)]))
    return facts.moment_or_none(facts.number_in(stored.get(facts.field(task_id, facts.REVOKE_REQUESTED))))
