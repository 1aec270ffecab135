"""A failure group as pages, JSON and terminals show it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..metrics.cells import OTHER
from ..tracking.refs import ObjectRef
from .tally import Sample

OPEN: Final = "open"
RESOLVED: Final = "resolved"
REGRESSED: Final = "regressed"


@dataclass(frozen=True, slots=True)
class Group:
    """What failures have in common, and what they came to in a window: ``points`` has how many in each of its steps.

    ``task`` is the name of one of its tasks. ``first_seen`` is None where it was not looked up.
    """

    key: str
    exception: str
    message: str = ""
    frame: str = ""
    task: str = ""
    count: int = 0
    points: Sequence[int] = ()
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    state: str = OPEN
    resolved_by: str = ""
    resolved_at: datetime | None = None
    #: How often in each task, the most frequent first.
    tasks: Mapping[str, int] = field(default_factory=dict)
    #: How many different objects since it was first seen, whatever the window; None where it is not known.
    objects: int | None = None
    #: Some of them, and some tasks, the newest first.
    refs: Sequence[ObjectRef] = ()
    samples: Sequence[Sample] = ()
    traceback: str = ""

    @property
    def sample_task_id(self) -> str:
        """The newest task that is known of it, empty without one."""
        return self.samples[0].task_id if self.samples else ""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a window, ``other`` failures that are in none, and ``limit`` where only so many results were read.

    ``step`` is the seconds between two points, and ``start`` the first one's, since the epoch.
    """

    groups: Sequence[Group] = ()
    other: int = 0
    limit: int = 0
    start: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True)
class Detail:
    """One group, and how often it failed: in all, and in each window by its name.

    ``start`` and ``step`` are of its points; ``limit`` where only so many results were read.
    """

    group: Group
    total: int
    counts: Mapping[str, int]
    start: int
    step: int
    limit: int = 0


ShowsPayload = Callable[[str | None], bool]


def shows_message(group: Group, shows_payload: ShowsPayload) -> bool:
    """Return whether a viewer may read what a group's errors say: that of each of its tasks, of any where too many
    to be named have failed, or where they are not known."""
    names = group.tasks or (group.task, OTHER)
    return all(shows_payload(None if name == OTHER else name) for name in names)
