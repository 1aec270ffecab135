"""A strip: how durations are spread, and where one of them lies among the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.template.loader import get_template
from django.utils.html import html_safe

from . import words
from .scale import DECADES, Tick, per_cent

#: Per cent of the strip's height that a column has at least.
LEAST: Final = 3.0
#: Which part of its room a column takes.
FILLED: Final = 0.85
#: Per cent of the strip's width that a label needs.
LABEL_ROOM: Final = 16.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many durations that are no longer than ``bound``, in seconds, and longer than the bucket before."""

    bound: float
    number: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A column of the strip, in per cent of its width and height."""

    x: float
    y: float
    height: float
    title: str


@html_safe
@dataclass(frozen=True, slots=True)
class Strip:
    """Columns from the shortest to the longest duration, and a mark at ``at`` in per cent of the width.

    Each bucket is as wide as the next: what is twice as long is as far away, wherever that is.
    """

    title: str
    bars: Sequence[Bar]
    width: float
    at: float
    ticks: Sequence[Tick]

    def __str__(self) -> str:
        return get_template("celery_ops/charts/strip.html").render({"strip": self})

    @property
    def bar_width(self) -> float:
        return per_cent(self.width * FILLED)


def strip(title: str, buckets: Sequence[Bucket], place: int) -> Strip | None:
    """Return the strip of buckets that follow each other, with a mark in the one at ``place``. None without any.

    Empty buckets at either end are left out, unless the mark is there.
    """
    filled = [index for index, bucket in enumerate(buckets) if bucket.number]
    if not filled:
        return None
    first, last = min(filled[0], place), max(filled[-1], place)
    first, last = max(0, first - 1), min(len(buckets) - 1, last + 1)
    shown = buckets[first : last + 1]
    width = 100 / len(shown)
    top = max(bucket.number for bucket in shown)
    bars = [_bar(index * width, bucket, top) for index, bucket in enumerate(shown) if bucket.number]
    return Strip(title, bars, per_cent(width), per_cent((place - first + 0.5) * width), _ticks(shown, width))


def _bar(x: float, bucket: Bucket, top: int) -> Bar:
    height = max(LEAST, 100 * bucket.number / top)
    title = f"≤ {words.seconds(bucket.bound)}: {words.number(bucket.number)}"
    return Bar(per_cent(x), per_cent(100 - height), per_cent(height), title)


def _ticks(buckets: Sequence[Bucket], width: float) -> list[Tick]:
    """Return round durations where they lie; a strip that has none says where it begins and ends."""
    ticks: list[Tick] = []
    for decade in DECADES:
        place = next((place for place, bucket in enumerate(buckets) if bucket.bound >= decade), None)
        if place is None or buckets[0].bound > decade:
            continue
        at = per_cent((place + 1) * width)
        if not ticks or at - ticks[-1].at >= LABEL_ROOM:
            ticks.append(Tick(at, words.seconds(decade)))
    if len(ticks) > 1 or len(buckets) < 2:
        return ticks
    return [Tick(per_cent(width), words.seconds(buckets[0].bound)), Tick(100, words.seconds(buckets[-1].bound))]
