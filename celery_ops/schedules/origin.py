"""Of which entry a task came: by the occurrences that beats have told of."""

from ..exceptions import BackendUnavailable, StoreUnavailable
from ..logs import get_logger
from . import board
from .sources.base import MOST_OF_A_TASK
from .sources.site_sources import sources

logger = get_logger("celery_ops.schedules")


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
        if any(sending.task_id == task_id for sending in ring):
            return name
    return ""


def _entries_of(task: str) -> list[str]:
    names = dict.fromkeys(name for source in sources() for name in source.names_of(task))
    return [*names][:MOST_OF_A_TASK]
