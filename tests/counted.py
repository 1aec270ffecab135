"""Numbers as publishers and workers would have counted them, at times of a test's choice."""

import time

from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher


def count(task: str, *kinds: Total, seconds: float | None = None, ago: float = 0, queue: str = "mail") -> None:
    """Count these of a task, ``ago`` seconds before now: they are in the store when this returns."""
    place = (int(time.time() - ago) // 60, "", task, "", queue)
    for kind in kinds:
        exception = "ValueError" if kind is Total.FAILURE else ""
        flusher().counting.add((place, kind, seconds, exception, False))
    flusher().flush()
