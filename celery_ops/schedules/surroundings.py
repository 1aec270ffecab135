"""What the rest of the site says of what schedules send: who has the tasks, who reads the queues, how long runs take.

Asked at once, in threads with one deadline, and for all who look within some seconds.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

from ..concurrency import Asked
from ..conf import conf
from ..exceptions import BackendUnavailable, NoAnswer, StoreUnavailable
from ..logs import get_logger, is_new
from ..metrics.insight import by_task
from ..metrics.windows import WINDOWS
from ..tracking import prefix

logger = get_logger("celery_ops.schedules")

#: Seconds that are waited for all of them, and for which what they said serves this process.
DEADLINE: Final = 2.0
SERVES: Final = 10.0
#: Runs of a task by which it is known how long they take.
ENOUGH_RUNS: Final = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of them; None is unknown. ``run_p95`` are seconds, of the last day, by task."""

    registered: Collection[str] | None = None
    deserted: Collection[str] | None = None
    run_p95: Mapping[str, float] = field(default_factory=dict)


_kept: dict[str, tuple[float, Surroundings]] = {}
_lock = Lock()


def surroundings() -> Surroundings:
    """Return what is known now, or was some seconds ago. Never raises."""
    whose = prefix.current_or_none()
    cached = _kept.get(whose)
    if cached is not None and time.monotonic() - cached[0] < SERVES:
        return cached[1]
    with _lock:
        if len(_kept) > 100:
            _kept.clear()
    answer = _asked(whose)
    _kept[whose] = (time.monotonic(), answer)
    return answer


def forget() -> None:
    """Have the next question be asked."""
    _kept.clear()


def _asked(whose: str) -> Surroundings:
    until = time.monotonic() + DEADLINE
    registered, deserted, run_p95 = _begun(_registered, whose), _begun(_deserted, whose), _begun(_run_p95, whose)
    tasks, queues, lengths = _answer(registered, until), _answer(deserted, until), _answer(run_p95, until)
    return Surroundings(tasks, queues, lengths or {})


def _begun(ask: Callable[[], T], whose: str) -> Asked[T]:
    return Asked(prefix.using(whose)(ask), "asks around schedules")


def _answer(asked: Asked[T], until: float) -> T | None:
    try:
        return asked.answer(until - time.monotonic())
    except (BackendUnavailable, StoreUnavailable, NoAnswer) as error:
        logger.debug("Schedules are looked at without an answer: %s", type(error).__name__)
    except Exception as error:  # of a backend of the site's own
        if is_new("what is around schedules", type(error)):
            logger.warning("Schedules are looked at without an answer. Said once.", exc_info=True)
    return None


def _registered() -> frozenset[str] | None:
    """Return the tasks that workers have; None where none answers, which others say."""
    return frozenset(conf.load("WORKER_BACKEND")().registered()) or None


def _deserted() -> frozenset[str] | None:
    """Return the queues that nobody reads, and that nobody has paused."""
    backend: Any = conf.load("QUEUE_BACKEND")()
    report = backend.queues()
    if report.trouble:
        return None
    return frozenset(queue.name for queue in report.queues if queue.consumers == 0 and not queue.paused)


def _run_p95() -> dict[str, float]:
    numbers = by_task(WINDOWS["24h"]) if conf.METRICS else {}
    lengths = {task: counts.run.percentile(95) for task, counts in numbers.items() if counts.run_count >= ENOUGH_RUNS}
    return {task: seconds for task, seconds in lengths.items() if seconds is not None}
