"""What each objective's targets come to now. What cannot be known is left out: it is neither breached nor recovered.

Sources are asked at once, each in a thread and with a deadline: one that hangs costs only what it knows.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any, Final, TypeVar

from ..concurrency import Asked
from ..conf import conf
from ..exceptions import BackendUnavailable, NoAnswer, StoreUnavailable
from ..info import GONE, QueueInfo, QueueReport, WorkerReport
from ..logs import get_logger, is_new
from ..metrics.insight import lately, queues_lately
from ..metrics.reading import Numbers, added
from ..schedules.info import ScheduleReport
from ..schedules.report import report as schedule_report
from ..tracking import prefix
from .objectives import BEAT_SILENT, DEPTH, FAILURE_RATE, LATE, OLDEST_AGE, RUN, WAIT, WORKER_GONE, Objective

logger = get_logger("celery_ops.alerts")

#: Seconds for all sources together.
DEADLINE: Final = 6.0
#: Seconds after which a report that has its trouble no longer says how it is now.
STALE: Final = 5.0

#: The objective that nobody has to write down: every worker says goodbye before it goes.
WORKERS: Final = Objective(WORKER_GONE, "worker", "*", WORKER_GONE, 0)
#: The same of beat, where there is something to send.
BEAT: Final = Objective(BEAT_SILENT, "beat", "*", BEAT_SILENT, 0)

#: The entry that Celery adds by itself: a site without another one need not run beat.
CLEANUP: Final = "celery.backend_cleanup"

#: What is known of each target of an objective, by the objective's name.
Values = Mapping[str, Mapping[str, float]]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured:
    """Values by objective and target. ``silent`` names the sources that did not answer."""

    values: Values = field(default_factory=dict)
    silent: frozenset[str] = frozenset()

    def of(self, objective: Objective) -> Mapping[str, float]:
        return self.values.get(objective.name, {})


def measured(objectives: Collection[Objective]) -> Measured:
    """Return what is known of each objective now. Never raises."""
    until, whose = time.monotonic() + DEADLINE, prefix.current_or_none()
    counted = [objective for objective in objectives if objective.is_counted]
    sources: dict[str, Callable[[], Any]] = {}
    if counted:
        sources["numbers"] = partial(_numbers, counted)
    if any(objective.measure in QUEUE_VALUES for objective in objectives):
        sources["queues"] = _queues
    if WORKERS in objectives:
        sources["workers"] = _workers
    if BEAT in objectives or any(objective.measure == LATE for objective in objectives):
        sources["schedules"] = _schedules
    asked = {name: Asked(prefix.using(whose)(ask), f"measures {name}") for name, ask in sources.items()}
    answers = {name: _answer(name, one, until) for name, one in asked.items()}
    values = {objective.name: _values(objective, answers) for objective in objectives}
    return Measured(values, frozenset(name for name, answer in answers.items() if answer is None))


def _answer(name: str, asked: Asked[T], until: float) -> T | None:
    try:
        return asked.answer(until - time.monotonic())
    except (StoreUnavailable, BackendUnavailable, NoAnswer) as error:
        logger.debug("Objectives cannot be measured by the %s: %s", name, type(error).__name__)
    except Exception:  # of a backend of the site's own
        if is_new("a source of objectives", name):
            logger.warning("Objectives cannot be measured by the %s. Said once.", name, exc_info=True)
    return None


def _values(objective: Objective, answers: Mapping[str, Any]) -> Mapping[str, float]:
    if objective.is_counted:
        return _counted(objective, (answers["numbers"] or {}).get((objective.subject, objective.seconds), {}))
    if objective.measure in QUEUE_VALUES:
        return _of_queues(objective, answers["queues"] or ())
    if objective.measure == WORKER_GONE:
        return answers["workers"] or {}
    schedules = answers["schedules"]
    if schedules is None:
        return {}
    return _silence(schedules) if objective.measure == BEAT_SILENT else _lateness(objective, schedules)


# -- what was counted -------------------------------------------------------------------------------------------------

COUNTED_VALUES: Final[Mapping[str, Callable[[Numbers], float | None]]] = {
    WAIT: lambda numbers: numbers.wait.percentile(95),
    RUN: lambda numbers: numbers.run.percentile(95),
    FAILURE_RATE: lambda numbers: numbers.failure_rate,
}


def _numbers(counted: Collection[Objective]) -> dict[tuple[str, int], Mapping[str, Numbers]]:
    """Return what was counted over each window of the tasks and of the queues that its objectives are about."""
    alike: dict[tuple[str, int], list[Objective]] = {}
    for objective in counted:
        alike.setdefault((objective.subject, objective.seconds), []).append(objective)
    read = {"task": _tasks_lately, "queue": _queues_lately}
    return {(subject, seconds): read[subject](seconds, group) for (subject, seconds), group in alike.items()}


def _tasks_lately(seconds: int, objectives: Collection[Objective]) -> dict[str, Numbers]:
    by_task: dict[str, list[Numbers]] = {}
    for (task, _queue), numbers in lately(seconds, is_wanted=lambda pair: _is_of_any(objectives, pair[0])).items():
        by_task.setdefault(task, []).append(numbers)
    return {task: added(numbers) for task, numbers in by_task.items()}


def _queues_lately(seconds: int, objectives: Collection[Objective]) -> Mapping[str, Numbers]:
    return queues_lately(seconds, is_wanted=lambda queue: _is_of_any(objectives, queue))


def _is_of_any(objectives: Collection[Objective], name: str) -> bool:
    return any(objective.matches(name) for objective in objectives)


def _counted(objective: Objective, numbers: Mapping[str, Numbers]) -> dict[str, float]:
    value = COUNTED_VALUES[objective.measure]
    return _known((target, value(of_target)) for target, of_target in numbers.items() if objective.matches(target))


def _known(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    return {target: value for target, value in values if value is not None}


# -- queues and workers -----------------------------------------------------------------------------------------------


def _oldest_age(queue: QueueInfo) -> float | None:
    if queue.oldest_age is not None:
        return queue.oldest_age.total_seconds()
    return 0.0 if queue.depth == 0 else None


QUEUE_VALUES: Final[Mapping[str, Callable[[QueueInfo], float | None]]] = {
    OLDEST_AGE: _oldest_age,
    DEPTH: lambda queue: queue.depth,
}


def _queues() -> tuple[QueueInfo, ...] | None:
    report = conf.load("QUEUE_BACKEND")().queues()
    return report.queues if _is_of_now(report) else None


def _of_queues(objective: Objective, queues: Iterable[QueueInfo]) -> dict[str, float]:
    value = QUEUE_VALUES[objective.measure]
    return _known((queue.name, value(queue)) for queue in queues if objective.matches(queue.name))


def _workers() -> dict[str, float] | None:
    """Return for how many seconds each worker has been gone: 0 for one that is not."""
    report = conf.load("WORKER_BACKEND")().workers()
    if not _is_of_now(report):
        return None
    now = datetime.now(timezone.utc)

    def gone_for(last_seen: datetime | None) -> float:
        return 1.0 if last_seen is None else max(1.0, (now - last_seen).total_seconds())

    return {worker.hostname: gone_for(worker.last_seen) if worker.state == GONE else 0.0 for worker in report.workers}


def _is_of_now(report: QueueReport | WorkerReport) -> bool:
    """Whether it is no older copy, shown because there is nothing newer."""
    return not report.trouble or (datetime.now(timezone.utc) - report.collected_at).total_seconds() < STALE


# -- schedules --------------------------------------------------------------------------------------------------------


def _schedules() -> ScheduleReport | None:
    """Without a word of the store, or of a source, it is not known what is late."""
    report = schedule_report(asks_around=False)
    return None if report.trouble else report


def _lateness(objective: Objective, report: ScheduleReport) -> dict[str, float]:
    """Return by how many seconds each schedule is late: 0 for one that is not."""
    late = {schedule.entry.name: schedule.late or 0.0 for schedule in report.schedules}
    return {name: seconds for name, seconds in late.items() if objective.matches(name)}


def _silence(report: ScheduleReport) -> dict[str, float]:
    """Return for how many seconds no beat has been heard: 0 while there is one, or nothing to send."""
    is_wanted = bool(report.beats) or any(schedule.entry.name != CLEANUP for schedule in report.schedules)
    if not report.is_silent or not is_wanted:
        return {BEAT.subject: 0.0}
    seen = max((beat.seen for beat in report.beats), default=None)
    return {BEAT.subject: 1.0 if seen is None else max(1.0, (datetime.now(timezone.utc) - seen).total_seconds())}
