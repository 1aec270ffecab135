"""What a hostile text costs redaction beside a plain one of the same length."""

import statistics
import time
from collections.abc import Iterator

from celery_ops.redaction import capture_text

from .setup import Figure

HOSTILE = ("key=[", "key=('\"", "eyJ", "://:", "4 ", "42 ", "key ", "-----BEGIN A-----", "'\"", "\\")


def hostile() -> Iterator[Figure]:
    slowest = max(HOSTILE, key=cost)
    yield Figure(f"redacting 25 KB of {slowest!r}, the slowest of {len(HOSTILE)}", f"{cost(slowest) * 1000:.0f} ms", "")
    yield Figure("redacting 25 KB of words", f"{cost('a word ') * 1000:.1f} ms", "")


def cost(unit: str) -> float:
    text = unit * (25_000 // len(unit))
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        capture_text(text)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
