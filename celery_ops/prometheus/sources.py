"""What a scrape asks: the store, the workers and the queues, all at once. What does not answer is None."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from time import monotonic
from typing import Any, Final, TypeVar

from django.db import Error as DatabaseError

from ..concurrency import Asked
from ..conf import conf
from ..control.standing import paused_queues
from ..databases import asks_writer, writer
from ..exceptions import BackendUnavailable, NoAnswer, StoreUnavailable
from ..info import QueueInfo, WorkerInfo
from ..logs import get_logger, is_new
from ..schedules.info import ScheduleReport
from ..schedules.report import report
from ..tracking import prefix
from .totals import TaskTotals, totals

logger = get_logger("celery_ops.prometheus")

#: Seconds that a scrape waits for workers and queues, together.
PATIENCE: Final = 2.35
#: A report of queues that is older has no newer one: a look serves for a second.
SHARED_FOR: Final = timedelta(seconds=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known at this moment; None is unknown."""

    totals: Sequence[TaskTotals] | None = None
    workers: Sequence[WorkerInfo] | None = None
    queues: Sequence[QueueInfo] | None = None
    paused: Collection[str] | None = None
    schedules: ScheduleReport | None = None

    @property
    def is_nothing_known(self) -> bool:
        return self.totals is None and self.workers is None and self.queues is None


def ask(*, by_host: bool = False) -> Answers:
    """Return what the sources say, whatever they raise: a fault of the site's own backend hides its part alone.

    Numbers of a site that counts no more are not asked for: they would stand still.
    """
    until = monotonic() + PATIENCE
    workers, queues = _begun(_workers, "workers"), _begun(_queues, "queues")
    schedules = _begun(_schedules, "schedules")
    tasks = _or_none(lambda: totals(by_host=by_host)) if conf.METRICS else None
    paused = _or_none(paused_queues)
    return Answers(
        tasks,
        _or_none(lambda: workers.answer(until - monotonic())),
        _or_none(lambda: queues.answer(until - monotonic())),
        paused,
        _or_none(lambda: schedules.answer(until - monotonic())),
    )


def _begun(question: Callable[[], T], name: str) -> Asked[T]:
    """Ask in a thread, of the same database, for the same tenant."""
    whose, from_writer = prefix.current_or_none(), asks_writer()

    def asking() -> T:
        with prefix.using(whose), writer(from_writer):
            return question()

    return Asked(asking, f"scrape of {name}")


def _or_none(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except (BackendUnavailable, StoreUnavailable, NoAnswer, DatabaseError) as error:
        logger.debug("A scrape goes on without an answer: %s", error)
    except Exception as error:
        if is_new("scrape", type(error)):
            logger.error("A scrape goes on without a source that failed. Said once.", exc_info=True)
    return None


def _workers() -> Sequence[WorkerInfo]:
    answer = conf.load("WORKER_BACKEND")().workers()
    if answer.trouble:  # so these are older answers
        raise BackendUnavailable(answer.trouble)
    return answer.workers


def _queues() -> Sequence[QueueInfo]:
    backend: Any = conf.load("QUEUE_BACKEND")()
    backend.learn()
    begin = datetime.now(timezone.utc)
    report = backend.queues()
    if report.trouble and begin - report.collected_at > SHARED_FOR:
        raise BackendUnavailable(report.trouble)
    return report.queues


def _schedules() -> ScheduleReport:
    schedules = report(asks_around=False)
    if schedules.trouble:
        raise BackendUnavailable(schedules.trouble)
    return schedules
