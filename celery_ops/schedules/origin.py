"""Of which entry a task came: by the occurrences that beats have told of."""

from typing import Final

from ..exceptions import BackendUnavailable, StoreUnavailable
from ..logs import get_logger
from . import board
from .sources.used import sources

logger = get_logger("celery_ops.schedules")

#: Entries of one task whose occurrences are looked through.
MOST_ENTRIES: Final = 50


def schedule_of(task_id: str, task: str) -> str:
    """Return the name of the entry for which beat sent this task, empty where that is not known. Never raises.

    One round trip, and none where no entry sends tasks of this name.
    """
    try:
        names = _entries_of(task)
        rings = board.rings(names)
    except (BackendUnavailable, StoreUnavailable) as error:
        logger.debug("It is not known of which schedule a task came: %s", error)
        return ""
    for name, ring in zip(names, rings, strict=True):
        if any(one.task_id == task_id for one in ring):
            return name
    return ""


def _entries_of(task: str) -> list[str]:
    names: dict[str, None] = {}
    for source in sources():
        names.update(dict.fromkeys(entry.name for entry in source.entries() if entry.task == task))
    return [*names][:MOST_ENTRIES]
