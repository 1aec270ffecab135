"""Families of metrics, and how their samples are written.

prometheus_client takes 7 µs for each sample that it writes, and 500 names have 22,000. So samples are written here, the
same in each of its formats, and it writes all else: which format that is, the heads, and the end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal

from ..formatting import clean

#: What a label's value needs an escape for.
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

#: How many durations were in each bucket, of which there is one more than bounds, and their sum in seconds.
Durations = tuple[Sequence[int], float]


@dataclass(frozen=True, slots=True)
class Family:
    """Samples of one kind, a line each. ``name`` is without the suffixes that the kind brings."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    documentation: str
    samples: str = field(default="", repr=False)


def labelled(**labels: str) -> str:
    """Return labels as they stand between a sample's braces."""
    return ",".join([f'{name}="{clean(value).translate(_ESCAPES)}"' for name, value in labels.items()])


def counter(name: str, documentation: str, samples: Iterable[tuple[str, int]]) -> Family:
    """Return a counter of (labels, how many)."""
    text = "".join([f"{name}_total{{{labels}}} {number}\n" for labels, number in samples])
    return Family(name, "counter", documentation, text)


def gauge(name: str, documentation: str, samples: Iterable[tuple[str, float]]) -> Family:
    """Return a gauge of (labels, value), which are empty where it has none. What has the same labels is said once."""
    named = ((f"{name}{{{labels}}}" if labels else name, value) for labels, value in dict(samples).items())
    text = "".join([f"{sample} {value}\n" for sample, value in named])
    return Family(name, "gauge", documentation, text)


def histogram(
    name: str, documentation: str, bounds: Sequence[float], samples: Iterable[tuple[str, Durations]]
) -> Family:
    """Return a histogram of (labels, durations)."""
    return Family(name, "histogram", documentation, "".join(_buckets(name, bounds, samples)))


def _buckets(name: str, bounds: Sequence[float], samples: Iterable[tuple[str, Durations]]) -> Iterator[str]:
    ends = [f',le="{bound}"}} ' for bound in (*bounds, "+Inf")]
    for labels, (counts, seconds) in samples:
        begin = f"{name}_bucket{{{labels}"
        below = [*accumulate(counts)]
        yield begin
        yield begin.join([f"{end}{number}\n" for end, number in zip(ends, below, strict=True)])
        yield f"{name}_count{{{labels}}} {below[-1]}\n{name}_sum{{{labels}}} {seconds}\n"
