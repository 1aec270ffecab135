"""What is counted of a task in a queue, and where in a row each number lies."""

from bisect import bisect_left
from enum import IntEnum
from typing import Final

from .. import states
from .distribution import BUCKETS

#: What a task or a queue is called that came after as many others as are kept.
OTHER: Final = "other"
#: Pairs of a task and a queue that a site's numbers tell apart, and kinds of failure.
PAIRS_KEPT: Final = 1000
KINDS_KEPT: Final = 1000


class Cell(IntEnum):
    """Numbers of one slot of time: how many, and hundredths of a second that runs took."""

    SENT = 0
    STARTED = 1
    SUCCESS = 2
    FAILURE = 3
    RETRY = 4
    REVOKED = 5
    REJECTED = 6
    RUN_TIME = 7


CELLS: Final = len(Cell)
#: How long things took lies beside each other, bucket by bucket: first how many waited so long, then how many ran.
WAITED, RAN = KINDS = range(2)
TIMES: Final = BUCKETS * len(KINDS)
#: The states that series have, as Celery calls them.
SERIES: Final = {
    states.SUCCESS: Cell.SUCCESS,
    states.FAILURE: Cell.FAILURE,
    states.RETRY: Cell.RETRY,
    states.REVOKED: Cell.REVOKED,
    states.REJECTED: Cell.REJECTED,
}


class Total(IntEnum):
    """Numbers since counting began, which never fall: how many, and microseconds. Buckets follow."""

    SENT = 0
    RECEIVED = 1
    STARTED = 2
    SUCCESS = 3
    FAILURE = 4
    RETRY = 5
    REVOKED = 6
    REJECTED = 7
    LOST = 8
    WAIT_TIME = 9
    RUN_TIME = 10


#: Upper bounds in seconds of the buckets that Prometheus is told of, as celery-exporter has them: how long runs took by
#: prometheus_client's own, how long tasks waited by longer ones. A last bucket has no bound.
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
WAIT_BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
BOUNDED: Final = len(BOUNDS) + 1
WAIT_BUCKETS: Final = len(Total)
RUN_BUCKETS: Final = WAIT_BUCKETS + BOUNDED
TOTALS: Final = RUN_BUCKETS + BOUNDED


def bounded(seconds: float) -> int:
    """Return which of Prometheus's buckets a run belongs to."""
    return bisect_left(BOUNDS, seconds)


def bounded_wait(seconds: float) -> int:
    """Return which of Prometheus's buckets a wait belongs to."""
    return bisect_left(WAIT_BOUNDS, seconds)
