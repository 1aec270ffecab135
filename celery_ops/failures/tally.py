"""What one process has seen since its last flush of failures that are alike."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .fingerprint import Fingerprint

#: Tasks of a group that are kept by their ids, the newest ones, and objects by their references.
SAMPLES: Final = 10
OBJECTS: Final = 20
#: Tasks of a group that are told apart by their names.
NAMES_KEPT: Final = 20
#: Objects of a group that one flush brings.
MEMBERS: Final = 500
MINUTE: Final = 60
#: Characters of a task's id: half of a longer one would be another's.
LONGEST_ID: Final = 255


class Failure(NamedTuple):
    """One failure, as it is noted where it happens.

    ``message`` and ``traceback`` are raw: ``secrets`` are what is hidden in them, beside what always is. ``objects``
    are the references of what the task belongs to, ``whose`` the prefix that it is counted under.
    """

    at: float  # seconds since the epoch
    whose: str
    task: str
    task_id: str
    exception: str
    message: str = ""
    frame: str = ""
    secrets: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    traceback: str = ""


class Sample(NamedTuple):
    """One task of a group. ``at`` is when it failed, in milliseconds since the epoch."""

    at: int
    task_id: str
    task: str


@dataclass(slots=True)
class GroupTally:
    """How often in which minute since the epoch, when first and last (ms), in which tasks, and for which objects."""

    fingerprint: Fingerprint
    minutes: Counter[int] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    objects: dict[str, None] = field(default_factory=dict)
    traceback: str = ""
    first: int = 0
    last: int = 0

    @property
    def count(self) -> int:
        return self.minutes.total()

    def add(self, failure: Failure) -> None:
        """Count one more."""
        at = int(failure.at * 1000)
        self.minutes[int(failure.at) // MINUTE] += 1
        self.first, self.last = min(self.first or at, at), max(self.last, at)
        self.tasks[failure.task] += 1
        if 0 < len(failure.task_id) <= LONGEST_ID:
            self.samples.append(Sample(at, failure.task_id, failure.task))
        for reference in failure.objects:
            if len(self.objects) < MEMBERS or reference in self.objects:
                self.objects.pop(reference, None)  # the newest come last
                self.objects[reference] = None
