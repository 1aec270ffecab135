"""The values that cross a layer: frozen, without behaviour beyond what they can say of themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from . import states


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running task says it is."""

    current: float
    total: float
    message: str = ""

    @property
    def percent(self) -> int | None:
        """0 to 100, or None when the total is not positive or either number is not finite."""
        if not (isfinite(self.current) and isfinite(self.total)) or self.total <= 0:
            return None
        return max(0, min(100, int(100 * self.current / self.total)))


@dataclass(frozen=True, slots=True)
class TrackedTask:
    """One task of one object, as ``tasks_for`` returns it.

    Times are aware datetimes or None. ``error`` is ``"Class: message"`` or None. ``attempts`` counts from 1.
    ``parent_id`` is set on a task that belongs to the object only because a tracked task launched it.
    """

    id: str
    name: str
    label: str
    state: str
    attempts: int
    published_at: datetime | None = None
    received_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    worker: str | None = None
    progress: Progress | None = None
    error: str | None = None
    retry_of: str | None = None
    revoke_requested_at: datetime | None = None
    parent_id: str | None = None

    @property
    def is_child(self) -> bool:
        return self.parent_id is not None

    @property
    def is_active(self) -> bool:
        return states.is_active(self.state)

    @property
    def duration(self) -> timedelta | None:
        """From start to finish, or None while either is unknown."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(timedelta(0), self.finished_at - self.started_at)


@dataclass(frozen=True, slots=True)
class Payload:
    """What a task was given and what came of it: text, redacted and cut to 2 KiB each, or None."""

    args: str | None = None
    result: str | None = None
    error: str | None = None
    traceback: str | None = None
