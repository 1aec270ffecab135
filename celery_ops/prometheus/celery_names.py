"""Names, types, labels and help as celery-exporter has them, and ours beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import Final

from ..info import NO_REPLY, QueueInfo, WorkerInfo
from ..metrics.cells import BOUNDS, RUN_BUCKETS, WAIT_BOUNDS, WAIT_BUCKETS, Total
from ..schedules.info import ScheduleReport
from .families import Durations, Family, counter, gauge, histogram, labelled
from .sources import Answers
from .totals import TaskTotals

#: For how long a worker that does not reply counts as up after it was heard: celery-exporter's timeout.
HEARD: Final = timedelta(minutes=5)
#: What workers count of tasks, by the last part of its name.
COUNTERS: Final[Mapping[str, tuple[Total, str]]] = {
    "received": (Total.RECEIVED, "Sent when the worker receives a task."),
    "started": (Total.STARTED, "Sent just before the worker executes the task."),
    "succeeded": (Total.SUCCESS, "Sent if the task executed successfully."),
    "rejected": (
        Total.REJECTED,
        "The task was rejected by the worker, possibly to be re-queued or moved to a dead letter queue.",
    ),
    "revoked": (Total.REVOKED, "Sent if the task has been revoked."),
    "retried": (Total.RETRY, "Sent if the task failed, but will be retried in the future."),
}


def families(answers: Answers) -> Iterator[Family]:
    """Yield what is known. One that is not is not there."""
    if answers.totals is not None:
        yield from _of_tasks(answers.totals)
    if answers.workers is not None:
        yield from _of_workers(answers.workers)
    if answers.queues is not None:
        yield from _of_queues(answers.queues)
        if answers.workers is not None:
            yield from _of_consumption(answers.queues, answers.workers)
    if answers.queues is not None and answers.paused is not None:
        names = {queue.name for queue in answers.queues} | set(answers.paused)
        samples = ((labelled(queue_name=name), int(name in answers.paused)) for name in sorted(names))
        yield gauge("celery_queue_paused", "Whether the queue is paused.", samples)
    if answers.schedules is not None:
        yield from _of_schedules(answers.schedules)


# -- tasks ------------------------------------------------------------------------------------------------------------


def _of_tasks(totals: Sequence[TaskTotals]) -> Iterator[Family]:
    """A number that workers count is 0 where they have counted none of it, if there are workers that count."""
    labels = [(labelled(name=t.subject.task, hostname=t.subject.host, queue_name=t.subject.queue), t) for t in totals]
    sent = ((of, task.numbers[Total.SENT]) for of, task in labels if task.numbers[Total.SENT])
    yield counter("celery_task_sent", "Sent when a task message is published.", sent)
    if not any(task.was_worked_on for task in totals):
        return
    worked = [(of, task) for of, task in labels if task.was_worked_on or not task.subject.host]
    for name, (total, documentation) in COUNTERS.items():
        yield counter(f"celery_task_{name}", documentation, ((of, task.numbers[total]) for of, task in worked))
    yield counter("celery_task_failed", "Sent if the execution of the task failed.", _failures(worked))
    yield histogram(
        "celery_task_runtime",
        "Histogram of task runtime measurements.",
        BOUNDS,
        _durations(worked, RUN_BUCKETS, Total.RUN_TIME),
    )
    yield histogram(
        "celery_task_queue_wait_time",
        "Histogram of the time tasks spend waiting in the queue before being executed, excluding deliberate"
        " ETA/countdown delay.",
        WAIT_BOUNDS,
        _durations(worked, WAIT_BUCKETS, Total.WAIT_TIME),
    )
    yield counter("celery_task_lost", "Tasks whose process was lost while it ran them.", _lost(totals))


def _failures(labels: Iterable[tuple[str, TaskTotals]]) -> Iterator[tuple[str, int]]:
    """A series that begins at 0 has its first failure counted by ``increase``: so does celery-exporter's."""
    for of, task in labels:
        yield f'{of},exception=""', 0
        for exception, number in sorted(task.failures.items()):
            yield f"{of},{labelled(exception=exception)}", number


def _durations(
    labels: Iterable[tuple[str, TaskTotals]], buckets: int, seconds: Total
) -> Iterator[tuple[str, Durations]]:
    for of, task in labels:
        if (durations := task.durations(buckets, seconds)) is not None:
            yield of, durations


def _lost(totals: Sequence[TaskTotals]) -> Iterable[tuple[str, int]]:
    by_task: dict[str, int] = {}
    for task in totals:
        by_task[task.subject.task] = by_task.get(task.subject.task, 0) + task.numbers[Total.LOST]
    return ((labelled(name=task), number) for task, number in by_task.items())


# -- workers ----------------------------------------------------------------------------------------------------------


def host_of(worker: WorkerInfo) -> str:
    """Return the part of a worker's name after the ``@``."""
    return worker.hostname.rpartition("@")[2]


def is_up(worker: WorkerInfo) -> bool:
    """Return whether a worker answers, or was heard lately."""
    heard = worker.last_seen
    lately = heard is not None and datetime.now(timezone.utc) - heard < HEARD
    return worker.is_online or (worker.state == NO_REPLY and lately)


def _of_workers(workers: Sequence[WorkerInfo]) -> Iterator[Family]:
    by_host: dict[str, list[WorkerInfo]] = {}
    for worker in workers:
        by_host.setdefault(host_of(worker), []).append(worker)
    up = ((labelled(hostname=host), int(_are_up(theirs))) for host, theirs in by_host.items())
    yield gauge("celery_worker_up", "Indicates if a worker has recently sent a heartbeat.", up)
    active = (
        (labelled(hostname=host), sum(worker.active or 0 for worker in online))
        for host, theirs in by_host.items()
        if (online := [worker for worker in theirs if worker.is_online])
        and all(worker.active is not None for worker in online)
    )
    yield gauge("celery_worker_tasks_active", "The number of tasks the worker is currently processing", active)


def _are_up(workers: Iterable[WorkerInfo]) -> bool:
    """Return whether all are up that have not ended; workers of one host share a series."""
    expected = [worker for worker in workers if not worker.has_ended]
    return bool(expected) and all(map(is_up, expected))


# -- queues -----------------------------------------------------------------------------------------------------------


def _of_queues(queues: Sequence[QueueInfo]) -> Iterator[Family]:
    labels = [(labelled(queue_name=queue.name), queue) for queue in queues]
    yield gauge(
        "celery_queue_length",
        "The number of message in broker queue.",
        ((of, queue.depth) for of, queue in labels if queue.depth is not None),
    )
    yield gauge(
        "celery_active_consumer_count",
        "The number of active consumer in broker queue.",
        ((of, queue.consumers) for of, queue in labels if queue.consumers is not None),
    )
    yield gauge(
        "celery_queue_oldest_message_age_seconds",
        "How long the oldest message in the queue has waited.",
        ((of, queue.oldest_age.total_seconds()) for of, queue in labels if queue.oldest_age is not None),
    )


def _of_consumption(queues: Sequence[QueueInfo], workers: Sequence[WorkerInfo]) -> Iterator[Family]:
    online = [worker for worker in workers if worker.is_online]
    if any(worker.queues is None for worker in online):
        return
    consumed = chain.from_iterable(worker.queues or () for worker in online)
    names = dict.fromkeys((*(queue.name for queue in queues), *consumed))
    consumers = {name: [worker for worker in online if name in (worker.queues or ())] for name in names}
    yield gauge(
        "celery_active_worker_count",
        "The number of active workers in broker queue.",
        ((labelled(queue_name=name), len(theirs)) for name, theirs in consumers.items()),
    )
    yield gauge(
        "celery_active_process_count",
        "The number of active processes in broker queue.",
        (
            (labelled(queue_name=name), sum(worker.concurrency or 0 for worker in theirs))
            for name, theirs in consumers.items()
            if all(worker.concurrency is not None for worker in theirs)
        ),
    )


# -- schedules --------------------------------------------------------------------------------------------------------


def _of_schedules(report: ScheduleReport) -> Iterator[Family]:
    """What nobody could tell is absent: a report with trouble has no entries, or not all of them."""
    ticks = [beat.seen.timestamp() for beat in report.beats]
    yield gauge(
        "celery_beat_last_tick_timestamp_seconds",
        "When beat last gave a sign of life, in seconds since the epoch.",
        [("", max(ticks))] if ticks else [],
    )
    yield gauge(
        "celery_schedule_overdue",
        "Whether an entry of the schedule was due and not sent.",
        ((labelled(schedule=schedule.entry.name), int(schedule.overdue)) for schedule in report.schedules),
    )
