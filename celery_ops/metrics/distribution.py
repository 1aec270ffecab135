"""How long things took: counts in buckets whose bounds grow by a tenth, so that a percentile is within 5 %.

Counts of different processes, machines and times add up to those of all. The method is that of DDSketch (Masson, Rim,
Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", 2019), with fixed bounds.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

#: Each bucket's upper bound divided by its lower one. A value in a bucket is shown as its middle: off by at most 4.8 %.
GROWTH: Final = 1.1
#: Seconds that the first bucket ends at: 0.1 ms.
FIRST: Final = 1e-4
#: The last one begins at 45 hours and has no end.
BUCKETS: Final = 224

_LOG: Final = math.log(GROWTH)


def bucket_of(seconds: float) -> int:
    """Return the bucket that a duration belongs to."""
    if seconds <= FIRST:
        return 0
    return min(BUCKETS - 1, math.ceil(math.log(seconds / FIRST) / _LOG))


def middle_of(bucket: int) -> float:
    """Return what stands for the durations of a bucket, in seconds: as far from either bound, in proportion."""
    return FIRST * GROWTH**bucket * 2 / (1 + GROWTH)


def bound_of(bucket: int) -> float:
    """Return the longest duration of a bucket, in seconds."""
    return FIRST * GROWTH**bucket


#: Bytes that stand for a second where sizes have buckets: from 7 KB to 12 TB.
_SIZE: Final = 2**26


def bucket_of_bytes(size: int) -> int:
    """Return the bucket that a size belongs to."""
    return bucket_of(size / _SIZE)


def bytes_of(bucket: int) -> int:
    """Return what stands for the sizes of a bucket, in bytes."""
    return round(middle_of(bucket) * _SIZE)


@dataclass(frozen=True)
class Distribution:
    """Durations by bucket: ``counts`` has one number for each, or none at all."""

    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, durations: Iterable[float]) -> "Distribution":
        """Return that of durations in seconds."""
        counts = [0] * BUCKETS
        for seconds in durations:
            counts[bucket_of(seconds)] += 1
        return cls(tuple(counts))

    @cached_property
    def total(self) -> int:
        """How many durations there are."""
        return sum(self.counts)

    @cached_property
    def _sums(self) -> tuple[int, ...]:
        return tuple(accumulate(self.counts))

    def __add__(self, other: "Distribution") -> "Distribution":
        if not self.counts or not other.counts:
            return self if self.counts else other
        return Distribution(tuple(map(sum, zip(self.counts, other.counts, strict=True))))

    def percentile(self, percent: float) -> float | None:
        """Return the duration that ``percent`` of them do not exceed, in seconds; None when there are none.

        It is the nearest rank: the smallest value that at least so many are at or below.
        """
        if not self.total:
            return None
        rank = max(1, math.ceil(self.total * percent / 100))
        return middle_of(bisect_left(self._sums, rank))

    def share_below(self, seconds: float) -> float | None:
        """Return which part of them took less, from 0 to 1; half of the same bucket counts. None without any."""
        if not self.total:
            return None
        bucket = bucket_of(seconds)
        return (self._sums[bucket] - self.counts[bucket] / 2) / self.total
