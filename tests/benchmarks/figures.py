"""What a benchmark yields: a figure, beside a peer's and the one to reach."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Samples = Sequence[float]


@dataclass(frozen=True)
class Target:
    """What a figure should be: at most, at least or exactly so much."""

    sign: str
    value: float

    def __str__(self) -> str:
        return f"{self.sign} {number(self.value)}".removeprefix("= ")

    def is_reached_by(self, value: float) -> bool:
        return {"<=": value <= self.value, ">=": value >= self.value, "=": value == self.value}[self.sign]


def at_most(value: float) -> Target:
    return Target("<=", value)


def at_least(value: float) -> Target:
    return Target(">=", value)


def exactly(value: float) -> Target:
    return Target("=", value)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing measured. Beside a peer less is better: measure seconds and bytes, not their inverse.

    ``ours`` and ``theirs`` are medians in ``unit`` (``ms``, ``MB``, ``x`` for a ratio, empty for a count), ``spread``
    is the range in which four fifths of our samples were. ``target`` is for ``ours``, ``ratio_target`` for ours over
    the peer's.
    """

    what: str
    ours: float
    unit: str = ""
    spread: tuple[float, float] | None = None
    peer: str = ""
    theirs: float | None = None
    target: Target | None = None
    ratio_target: Target | None = None

    @classmethod
    def of(
        cls,
        what: str,
        ours: float | Samples,
        unit: str = "",
        *,
        peer: str = "",
        theirs: float | Samples | None = None,
        target: Target | None = None,
        ratio_target: Target | None = None,
    ) -> "Figure":
        """Make a figure of one number or of the samples of several rounds."""
        return cls(
            what=what,
            ours=median(ours),
            unit=unit,
            spread=spread(ours),
            peer=peer if theirs is not None else "",
            theirs=None if theirs is None else median(theirs),
            target=target,
            ratio_target=ratio_target,
        )

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def is_reached(self) -> bool | None:
        """Whether every target that could be measured is reached; None without any."""
        pairs = ((self.target, self.ours), (self.ratio_target, self.ratio))
        reached = [target.is_reached_by(value) for target, value in pairs if target and value is not None]
        return all(reached) if reached else None

    @property
    def is_behind(self) -> bool:
        """Whether a target is missed, or, where none was set, a peer is better."""
        if self.is_reached is not None:
            return not self.is_reached
        return self.ratio is not None and self.ratio > 1


def median(samples: float | Samples) -> float:
    return statistics.median(samples) if isinstance(samples, Sequence) else float(samples)


def spread(samples: float | Samples) -> tuple[float, float] | None:
    """Return the 10th and the 90th percentile; the extremes where there are few samples."""
    if not isinstance(samples, Sequence) or len(samples) < 2:
        return None
    ordered = sorted(samples)
    cut = len(ordered) // 10
    return ordered[cut], ordered[-1 - cut]


def number(value: float) -> str:
    """Write three digits that count, and never fewer than the whole part has."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
