"""How long a task waited and how long it ran."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from .. import states, timezones
from ..formatting import duration
from ..info import TaskInfo, between


@dataclass(frozen=True, slots=True)
class Timeline:
    """How long, None where unknown or not begun; ``goes_on`` says that the last of the two still grows."""

    waiting: timedelta | None
    running: timedelta | None
    goes_on: bool
    attempts: int = 1

    @property
    def waiting_label(self) -> str:
        if self.goes_on and self.running is None:
            return _("waiting for")
        return _("waited, earlier attempts included") if self.attempts > 1 else _("waited")

    @property
    def waiting_text(self) -> str:
        return duration(self.waiting)

    @property
    def running_label(self) -> str:
        return _("running for") if self.goes_on else _("ran")

    @property
    def running_text(self) -> str:
        return duration(self.running)

    @property
    def total(self) -> timedelta:
        return (self.waiting or timedelta(0)) + (self.running or timedelta(0))

    @property
    def waiting_share(self) -> int:
        """Of 100: 1 to 99 when there are both, however short one of them is."""
        if self.running is None:
            return 100
        if self.waiting is None:
            return 0
        return max(1, min(99, round(100 * self.waiting / self.total))) if self.total else 50

    @property
    def running_share(self) -> int:
        return 100 - self.waiting_share


def timeline(task: TaskInfo, now: datetime | None = None) -> Timeline | None:
    """Return the task's timeline, or None when no length of time is known."""
    goes_on = states.is_active(task.state) or task.state not in states.ALL
    end = task.finished_at or ((now or timezones.now()) if goes_on else None)
    # Between two attempts it waits, and the one that failed no longer runs.
    started = None if task.state == states.RETRY else task.started_at
    waiting = between(task.created_at, started or end)
    running = between(started, end)
    return None if waiting is None and running is None else Timeline(waiting, running, goes_on, task.attempts or 1)
