"""Families of metrics, and how their samples are written.

prometheus_client writes what it is given in 9 µs a line, and 500 names are 21,000 lines. So the lines of samples are
written here, the same in each of its formats, and it writes all else: which format, the heads, and the end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal

from ..formatting import clean

#: What an exposition needs an escape for inside a label's quotes. Names that come here have no other line breaks.
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Family:
    """Samples of one kind. ``name`` is without the suffixes that its type brings; one without lines is not told."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    documentation: str
    lines: Sequence[str] = field(default=(), repr=False)


def labelled(**labels: str) -> str:
    """Return labels as they stand between a sample's braces."""
    return ",".join(f'{name}="{clean(value).translate(_ESCAPES)}"' for name, value in labels.items())


def counter(name: str, documentation: str, samples: Iterable[tuple[str, int]]) -> Family:
    """Return a counter of (labels, how many)."""
    return Family(name, "counter", documentation, [f"{name}_total{{{labels}}} {number}" for labels, number in samples])


def gauge(name: str, documentation: str, samples: Iterable[tuple[str, float]]) -> Family:
    """Return a gauge of (labels, value); nothing is said twice of the same."""
    values = dict(samples)
    return Family(name, "gauge", documentation, [f"{name}{{{labels}}} {value}" for labels, value in values.items()])


def histogram(
    name: str, documentation: str, bounds: Sequence[float], samples: Iterable[tuple[str, Sequence[int], float]]
) -> Family:
    """Return a histogram of (labels, how many in each bucket, the sum): there is one bucket more than bounds."""
    return Family(name, "histogram", documentation, [*_buckets(name, bounds, samples)])


def _buckets(name: str, bounds: Sequence[float], samples: Iterable[tuple[str, Sequence[int], float]]) -> Iterator[str]:
    ends = [f'le="{bound}"}}' for bound in (*bounds, "+Inf")]
    for labels, counts, total in samples:
        begin = f"{name}_bucket{{{labels},"
        below = [*accumulate(counts)]
        for end, number in zip(ends, below, strict=True):
            yield f"{begin}{end} {number}"
        yield f"{name}_count{{{labels}}} {below[-1]}"
        yield f"{name}_sum{{{labels}}} {total}"
