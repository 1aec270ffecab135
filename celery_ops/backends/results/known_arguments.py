"""What the failed tasks of a list were given, known for as long as their rows say the same: lists ask at each look."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from ...info import TaskInfo

#: Seconds for which arguments are not read again, and how many characters of them a process keeps.
SECONDS: Final = 60.0
MOST_KEPT: Final = 2_000_000
#: What an entry takes beside its arguments.
ENTRY: Final = 1000
#: Of more tasks at once nobody asks twice: it is a file.
LONGEST_PAGE: Final = 250

Complete = Callable[[Sequence[TaskInfo]], list[TaskInfo]]


class KnownArguments:
    """Tasks as they were listed and as they were completed, by database and id.

    A task is the same where all that was listed of it is, when it ended included, which every write of its row moves.
    """

    def __init__(self, seconds: float = SECONDS, most: int = MOST_KEPT) -> None:
        self.seconds, self.most = seconds, most
        self._known: dict[tuple[str, str], tuple[float, TaskInfo, TaskInfo]] = {}
        self._size = 0

    def complete(self, using: str, tasks: Sequence[TaskInfo], ask: Complete) -> list[TaskInfo]:
        """Return the tasks with their arguments, which ``ask`` is asked for where they are not known."""
        if len(tasks) > LONGEST_PAGE:
            return ask(tasks)
        known = [self._of(using, task) for task in tasks]
        missing = [task for task, complete in zip(tasks, known, strict=True) if complete is None]
        completed = iter(ask(missing) if missing else ())
        return [
            complete or self._kept(using, task, next(completed)) for task, complete in zip(tasks, known, strict=True)
        ]

    def _of(self, using: str, task: TaskInfo) -> TaskInfo | None:
        known = self._known.get((using, task.id))
        if known is None or known[1] != task or time.monotonic() - known[0] > self.seconds:
            return None
        return known[2]

    def _kept(self, using: str, task: TaskInfo, complete: TaskInfo) -> TaskInfo:
        if task.finished_at is not None:
            if self._size > self.most:
                self.forget()
            self._known[using, task.id] = time.monotonic(), task, complete
            self._size += ENTRY + len(complete.args or "") + len(complete.kwargs or "")
        return complete

    def forget(self) -> None:
        self._known.clear()
        self._size = 0


known_arguments: Final = KnownArguments()
