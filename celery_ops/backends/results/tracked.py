"""What tracking knows better of tasks whose results are listed."""

from collections.abc import Iterable, Sequence
from typing import Final

from ... import states
from ...exceptions import StoreUnavailable
from ...info import TaskInfo, TrackedTask
from ...logs import get_logger
from ...one_state import together
from ...tracking import reading

logger = get_logger("celery_ops.backends")

#: Tasks that are asked for at once, in three round trips: bytes of the store's replies are not counted, so these are.
AT_ONCE: Final = 250


class TrackedLookup:
    """Asks the store once for each task, in bounded numbers of round trips; a store that is away changes nothing."""

    def __init__(self) -> None:
        self._by_id: dict[str, TrackedTask | None] = {}
        self._is_away = False

    def told(self, tasks: Iterable[TaskInfo]) -> list[TaskInfo]:
        """Return the tasks of result rows with what is tracked of them."""
        tasks = list(tasks)
        self._ask([task for task in tasks if task.id not in self._by_id])
        return [self._together(task) for task in tasks]

    def _together(self, task: TaskInfo) -> TaskInfo:
        tracked = self._by_id.get(task.id)
        return task if tracked is None else together(task, tracked)

    def _ask(self, tasks: Sequence[TaskInfo]) -> None:
        for begin in range(0, len(tasks), AT_ONCE):
            some = tasks[begin : begin + AT_ONCE]
            tracked = self._tracked(some)
            self._by_id.update({task.id: tracked.get(task.id) for task in some})

    def _tracked(self, tasks: Sequence[TaskInfo]) -> dict[str, TrackedTask]:
        if self._is_away:
            return {}
        published = {task.id: task.created_at for task in tasks if task.created_at}
        seen = {task.id: task.stored_at for task in tasks if task.stored_at and task.id not in published}
        succeeded = {task.id for task in tasks if task.state == states.SUCCESS}
        try:
            return reading.find_tasks(published, seen, succeeded=succeeded)
        except StoreUnavailable as error:
            logger.debug("Results are listed without what is tracked: %s", error)
            self._is_away = True
            return {}
