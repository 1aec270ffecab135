"""Numbers as publishers and workers would have counted them, at times of a test's choice."""

import time

from celery_ops.failures.counting import FailureCounting
from celery_ops.failures.fingerprint import Fingerprint
from celery_ops.failures.tally import Failure
from celery_ops.metrics.cells import Total
from celery_ops.metrics.flushing import flusher


def count(task: str, *kinds: Total, seconds: float | None = None, ago: float = 0, queue: str = "mail") -> None:
    """Count these of a task, ``ago`` seconds before now: they are in the store when this returns."""
    place = (int(time.time() - ago) // 60, "", task, "", queue)
    for kind in kinds:
        exception = "ValueError" if kind is Total.FAILURE else ""
        flusher().counting.add((place, kind, seconds, exception, False))
    flusher().flush()


#: What ``fail`` counts.
FAILURE = Fingerprint("ValueError", "the card was refused")


def fail(message: str = FAILURE.message, **about) -> None:
    """Count one failure; ``flush`` brings it to the store."""
    given = {"at": time.time(), "whose": "", "task": "shop.pay", "task_id": "t1", "exception": "ValueError", **about}
    flusher().source(FailureCounting).add(Failure(message=message, **given))


def flush() -> None:
    """Bring what was counted to the store."""
    flusher().flush()
