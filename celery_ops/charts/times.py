"""An axis of time, and the round moments of the viewer's clock that are written below it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

from django.utils import timezone as zones
from django.utils.formats import date_format
from django.utils.translation import pgettext

from .scale import Tick, per_cent

#: Ticks that an axis of time has at most.
MOST_TICKS: Final = 7
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
#: Steps between two ticks.
STEPS: Final = (
    *(MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 3, 4, 6, 12)),
    *(DAY * n for n in (1, 2, 5, 10, 20, 50, 100)),
)
#: A day is round in these steps since this one, a Monday.
FIRST_DAY: Final = datetime(2001, 1, 1)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The time from ``start`` up to ``end``, in seconds since the epoch."""

    start: float
    end: float

    def at(self, moment: float) -> float:
        """Return where a moment lies, in per cent of the axis from its beginning."""
        return per_cent(100 * (moment - self.start) / (self.end - self.start))

    def has(self, moment: float) -> bool:
        return self.start <= moment < self.end

    @property
    def ticks(self) -> Sequence[Tick]:
        """Return round moments of the viewer's clock, also where that is put forward or back."""
        length = timedelta(seconds=self.end - self.start)
        step = next((step for step in STEPS if length / step <= MOST_TICKS), STEPS[-1])
        return [Tick(self.at(moment), _label(moment, step)) for moment in self._round(step)]

    def _round(self, step: timedelta) -> list[float]:
        zone = zones.get_current_timezone()
        first = datetime.fromtimestamp(self.start, zone).replace(tzinfo=None)
        round_one = first.replace(hour=0, minute=0, second=0, microsecond=0)
        if step > DAY:
            round_one -= (round_one - FIRST_DAY) % step
        moments: set[float] = set()
        while (moment := round_one.replace(tzinfo=zone).timestamp()) <= self.end:
            moments.add(moment)
            if step <= HOUR:  # an hour that comes twice is as long as any other
                moments.add(max(moment, round_one.replace(tzinfo=zone, fold=1).timestamp()))
            round_one += step
        return sorted(moment for moment in moments if self.start <= moment <= self.end)


def local(moment: float) -> datetime:
    """Return a moment, in seconds since the epoch, by the viewer's clock."""
    return zones.localtime(datetime.fromtimestamp(moment, timezone.utc))


def words_of(moments: Iterable[float]) -> list[str]:
    """Return the day and the minute of moments by the viewer's clock: ``29 Nov 14:15``."""
    zone = zones.get_current_timezone()
    days: dict[date, str] = {}
    words: list[str] = []
    for moment in moments:
        at = datetime.fromtimestamp(moment, zone)
        day = days.get(at.date()) or days.setdefault(at.date(), date_format(at, day_format()))
        words.append(f"{day} {at.hour:02}:{at.minute:02}")
    return words


def _label(moment: float, step: timedelta) -> str:
    at = local(moment)
    if step >= DAY or (at.hour, at.minute) == (0, 0):
        return date_format(at, pgettext("date format", "D j") if step == DAY else day_format())
    return date_format(at, "H:i")


def day_format() -> str:
    """Return how a day is written shortly, in the letters of Django's ``date`` filter."""
    return pgettext("date format", "j M")
