"""A small picture of numbers over time, to stand in a line of text or in a cell."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from django.utils.html import html_safe

#: Height of the picture in its own units. A column that is not zero is at least one of them high.
HEIGHT: Final = 20
#: Width of a column of which each has one unit; more than so many leave no gaps.
NARROW: Final = 0.75
MOST_WITH_GAPS: Final = 48


@html_safe
@dataclass(frozen=True, slots=True)
class Sparkline:
    """A column for each point, None for an unknown one. ``label`` says in words what is shown, and the numbers.

    ``tone`` is a state's (``celery_ops.states.tone``), empty for none. ``least`` is the smallest number that may be as
    high as the picture: without it one that never changes fills it, however small it is.

    ``{{ sparkline }}`` writes it: a template takes several times as long, and a list has one in each row.
    """

    points: Sequence[float | None]
    label: str
    tone: str = ""
    least: float = 0.0

    def __str__(self) -> str:
        tone = f" celery-ops-tone--{escape(self.tone)}" if self.tone else ""
        return (
            f'<svg class="celery-ops-sparkline{tone}" viewBox="0 0 {self.width} {self.height}"'
            ' preserveAspectRatio="none" role="img" focusable="false">'
            f'<title>{escape(self.label)}</title><path d="{self.path}"/></svg>'
        )

    @property
    def width(self) -> int:
        return max(1, len(self.points))

    @property
    def height(self) -> int:
        return HEIGHT

    @property
    def path(self) -> str:
        """Return the columns as the ``d`` of a path: empty where all is zero."""
        return "".join(columns(self.points, self.least))


def columns(points: Iterable[float | None], least: float = 0.0) -> Iterator[str]:
    """Yield a rectangle for each point above zero, on a baseline at ``HEIGHT``; ``least`` may be that high."""
    heights = [max(0.0, point or 0.0) for point in points]
    top = max(least, *heights) if heights else least
    width = NARROW if len(heights) <= MOST_WITH_GAPS else 1
    for place, point in enumerate(heights):
        if point:
            height = max(1.0, HEIGHT * (point / top))
            yield f"M{place} {HEIGHT}v-{height:.4g}h{width}v{height:.4g}z"
