"""How many tasks of each workflow this process has published, and which workflows have no room for more."""

import threading
from collections import OrderedDict
from typing import Final

from . import FULL, has_room
from .steps import MOST

#: Workflows that a process remembers; the one that was published in longest ago goes first.
REMEMBERED: Final = 1000
#: Fields of a workflow in the store from which on it is full, whoever published its tasks: a task has about three.
MOST_FIELDS: Final = 4 * MOST


class WorkflowSizes:
    """Counts the tasks of workflows, of each up to ``most``."""

    def __init__(self, most: int = MOST, remembered: int = REMEMBERED) -> None:
        self.most, self.remembered = most, remembered
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._latest = ""

    def counted(self, key: str, task_id: str) -> str:
        """Count a task that is published in a workflow; return the key, marked where there is no room for it."""
        if not has_room(key) or task_id == self._latest:
            return key
        self._latest = task_id
        with self._lock:
            number = self._counts.pop(key, 0) + 1
            self._remember(key, number)
        return key if number <= self.most else FULL + key

    def fill(self, key: str) -> None:
        """Know that a workflow has no room for more."""
        with self._lock:
            self._counts.pop(key, None)
            self._remember(key, self.most)

    def _remember(self, key: str, number: int) -> None:
        self._counts[key] = number
        if len(self._counts) > self.remembered:
            self._counts.popitem(last=False)


sizes = WorkflowSizes()


def counted(key: str, task_id: str) -> str:
    """Count a task that this process publishes, as ``WorkflowSizes.counted`` does."""
    return sizes.counted(key, task_id)


def heard(key: str, fields: int) -> None:
    """Know how many fields a workflow has in the store."""
    if fields > MOST_FIELDS:
        sizes.fill(key)
