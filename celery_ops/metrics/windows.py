"""The windows that numbers are shown over, and the slots of time that each is counted in: coarser, the longer it is."""

from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Slots:
    """Time since the epoch in slots of ``step`` seconds, of which ``length`` lie in one row."""

    step: int
    length: int

    def place(self, at: float) -> tuple[int, int]:
        """Return the row that a moment belongs to, and its slot in it."""
        return divmod(int(at) // self.step, self.length)

    def rows(self, start: float, end: float) -> range:
        """Return the rows that have anything of the time from ``start`` up to ``end``."""
        return range(self.place(start)[0], self.place(end - 1)[0] + 1)

    def starts(self, row: int) -> int:
        """Return when a row begins, in seconds since the epoch."""
        return row * self.length * self.step


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time up to now: how many of everything a ``step``, how long it took a slot of ``times``.

    Durations are many numbers a slot, so each of these slots has a row of its own.
    """

    name: str
    seconds: int
    counts: Slots
    times: Slots

    @property
    def step(self) -> int:
        """Seconds between two points of a series."""
        return self.counts.step

    def bounds(self, now: float) -> tuple[int, int]:
        """Return the beginning and the end, in seconds since the epoch: whole steps, of which the last is under way."""
        end = (int(now) // self.step + 1) * self.step
        return end - self.seconds, end


#: By name, the shortest first.
WINDOWS: Final = {
    window.name: window
    for window in (
        Window("1h", HOUR, Slots(MINUTE, 30), Slots(3 * MINUTE, 1)),
        Window("24h", DAY, Slots(15 * MINUTE, 48), Slots(2 * HOUR, 1)),
        Window("7d", 7 * DAY, Slots(2 * HOUR, 42), Slots(12 * HOUR, 1)),
        Window("30d", 30 * DAY, Slots(6 * HOUR, 60), Slots(2 * DAY, 1)),
    )
}
DEFAULT: Final = "24h"


def covering(seconds: float) -> Window:
    """Return the shortest window that is at least so long, the longest one where none is."""
    return next((window for window in WINDOWS.values() if window.seconds >= seconds), WINDOWS["30d"])
