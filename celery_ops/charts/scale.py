"""Where a value lies on an axis, and the round numbers that are written beside it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from . import words

#: Ticks that an axis has above zero.
MOST_TICKS: Final = 4
#: Steps between ticks, of which each power of ten has these.
ROUND: Final = (1, 2, 5)
#: Steps in seconds from one second on, where tens are not what is round.
ROUND_SECONDS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * n for n in (1, 2, 5, 10, 15, 30)),
    *(3600 * n for n in (1, 2, 3, 6, 12)),
)
DAY: Final = 86_400
#: What durations are written on a logarithmic axis: about ten times as much each.
DECADES: Final = (0.0001, 0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 345_600, 3_456_000, 31_536_000)
#: Seconds that a step of durations has at least: what is shorter reads the same.
SHORTEST: Final = 0.0001
#: An axis of durations is logarithmic where the longest is so many times the shortest.
LOGARITHMIC_FROM: Final = 50


def per_cent(value: float) -> float:
    """Return a place as a page writes it: hundredths of a per cent are less than a pixel."""
    return round(value, 2)


@dataclass(frozen=True, slots=True)
class Tick:
    """What is written at a place of an axis, in per cent of its length from where it begins."""

    at: float
    label: str

    @property
    def from_end(self) -> float:
        return per_cent(100 - self.at)


@dataclass(frozen=True, slots=True)
class Scale:
    """An upright axis: ``height`` gives how high above its beginning a value lies, in per cent of its length."""

    ticks: Sequence[Tick]
    height: Callable[[float], float]
    is_logarithmic: bool = False


def of_counts(top: float) -> Scale:
    """Return the axis from zero to at least ``top``, which is a count."""
    step = max(1.0, _decimal_step(top / MOST_TICKS))
    return _linear(top, step, words.count)


def of_seconds(values: Iterable[float]) -> Scale:
    """Return the axis for durations in seconds: from zero, or logarithmic where they differ much."""
    durations = sorted(value for value in values if value > 0)
    if durations and durations[-1] / durations[0] >= LOGARITHMIC_FROM:
        return _logarithmic(durations[0], durations[-1])
    top = durations[-1] if durations else 1.0
    step = _step_of_seconds(top / MOST_TICKS)
    size, unit = words.unit_of(_ceiling(top, step))
    if not (10 * step / size).is_integer():  # a quarter of a minute has no short name, and fifteen seconds have
        size, unit = words.unit_of(step)
    return _linear(top, step, lambda value: unit % {"n": words.number(round(value / size, 3))} if value else "0")


def _linear(top: float, step: float, label: Callable[[float], str]) -> Scale:
    end = _ceiling(top, step)
    number = round(end / step)
    ticks = [Tick(per_cent(100 * place / number), label(step * place)) for place in range(number + 1)]
    return Scale(ticks, lambda value: 100 * min(1.0, max(0.0, value) / end))


def _ceiling(top: float, step: float) -> float:
    return max(1, math.ceil(round(top / step, 6))) * step


def _logarithmic(least: float, top: float) -> Scale:
    first = max((place for place, value in enumerate(DECADES) if value <= least), default=0)
    first = min(first, len(DECADES) - 2)  # an axis begins and ends somewhere, also where all is beyond these
    last = min((place for place, value in enumerate(DECADES) if value >= top), default=len(DECADES) - 1)
    decades = DECADES[first : max(last, first + 1) + 1]
    begin, end = math.log(decades[0]), math.log(decades[-1])

    def height(value: float) -> float:
        return 100 * min(1.0, max(0.0, (math.log(max(value, decades[0])) - begin) / (end - begin)))

    every = 1 + (len(decades) - 1) // (MOST_TICKS + 1)
    return Scale([Tick(per_cent(height(value)), words.seconds(value)) for value in decades[::every]], height, True)


def _decimal_step(least: float) -> float:
    """Return the smallest round number that is not below ``least``."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((n * power for n in ROUND if n * power >= least * (1 - 1e-9)), 10 * power)


def _step_of_seconds(least: float) -> float:
    if least < 1:
        return max(SHORTEST, _decimal_step(least))
    step = next((step for step in ROUND_SECONDS if step >= least), 0)
    return step or DAY * _decimal_step(least / DAY)
