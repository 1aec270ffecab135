"""What tracking knows better of tasks whose results are listed."""

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from ... import states, timezones
from ...conf import conf
from ...exceptions import StoreUnavailable
from ...info import TaskInfo, TrackedTask
from ...logs import get_logger
from ...one_state import with_tracked
from ...tracking import prefix, reading
from ..tracked import info

logger = get_logger("celery_ops.backends")

#: Tasks that are asked for at once, in three round trips: bytes of the store's replies are not counted, so these are.
AT_ONCE: Final = 250


#: Seconds for which a task that nobody tracked is not asked about again, and since when it has to be over: facts may
#: come late.
UNTRACKED_FOR: Final = 60.0
OVER_SINCE: Final = timedelta(minutes=1)
#: So many of them are remembered.
MOST_UNTRACKED: Final = 20_000


class Untracked:
    """The tasks that are over and of which the store knew nothing, each as its row was written last."""

    def __init__(self, seconds: float = UNTRACKED_FOR, most: int = MOST_UNTRACKED) -> None:
        self.seconds, self.most = seconds, most
        self._known: dict[tuple[object, ...], float] = {}

    def has(self, tenant: str, task: TaskInfo) -> bool:
        return time.monotonic() - self._known.get((tenant, task.id, task.finished_at), float("-inf")) < self.seconds

    def add(self, tenant: str, tasks: Iterable[TaskInfo]) -> None:
        latest = timezones.now() - OVER_SINCE
        if len(self._known) > self.most:
            self._known.clear()
        for task in tasks:
            if task.finished_at and timezones.aware(task.finished_at) < latest:
                self._known[tenant, task.id, task.finished_at] = time.monotonic()

    def forget(self) -> None:
        self._known.clear()


untracked: Final = Untracked()


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

    def alone(self, task_id: str) -> TaskInfo | None:
        """Return the task of this id as tracking knows it, None for none and while the store is away."""
        if self._is_away:
            return None
        try:
            places = reading.find_task(task_id)
        except StoreUnavailable as error:
            logger.debug("A task without a result is not looked for: %s", error)
            self._is_away = True
            return None
        return info(places[0][1]) if places else None

    def _together(self, task: TaskInfo) -> TaskInfo:
        tracked = self._by_id.get(task.id)
        return task if tracked is None else with_tracked(task, tracked)

    def _ask(self, tasks: Sequence[TaskInfo]) -> None:
        for begin in range(0, len(tasks), AT_ONCE):
            some = tasks[begin : begin + AT_ONCE]
            tracked = self._tracked(some)
            self._by_id.update({task.id: tracked.get(task.id) for task in some})

    def _tracked(self, tasks: Sequence[TaskInfo]) -> dict[str, TrackedTask]:
        if self._is_away:
            return {}
        try:
            tenant = prefix.current()
            tasks = [task for task in tasks if not untracked.has(tenant, task)]
            tracked = self._found(tasks)
        except StoreUnavailable as error:
            logger.debug("Results are listed without what is tracked: %s", error)
            self._is_away = True
            return {}
        untracked.add(tenant, (task for task in tasks if task.id not in tracked))
        return tracked

    def _found(self, tasks: Sequence[TaskInfo]) -> dict[str, TrackedTask]:
        """Ask for them; what was published too long ago may have begun since, as its row says."""
        oldest = timezones.now() - timedelta(seconds=conf.retention_seconds)
        published = {task.id: task.created_at for task in tasks if task.created_at and task.created_at > oldest}
        seen = {task.id: task.stored_at for task in tasks if task.stored_at and task.id not in published}
        succeeded = {task.id for task in tasks if task.state == states.SUCCESS}
        return reading.find_tasks(published, seen, succeeded=succeeded)
