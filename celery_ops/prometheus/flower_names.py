"""Names, types, labels and help as Flower has them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..info import WorkerInfo
from ..metrics.cells import BOUNDS, RUN_BUCKETS, Total
from .celery_names import is_up
from .families import Family, counter, gauge, histogram, labelled
from .sources import Answers
from .totals import TaskTotals, summed

#: Celery's events, as they are counted.
EVENTS: Final[Mapping[str, Total]] = {
    "task-sent": Total.SENT,
    "task-received": Total.RECEIVED,
    "task-started": Total.STARTED,
    "task-succeeded": Total.SUCCESS,
    "task-failed": Total.FAILURE,
    "task-retried": Total.RETRY,
    "task-revoked": Total.REVOKED,
    "task-rejected": Total.REJECTED,
}


def families(answers: Answers) -> Iterator[Family]:
    """Yield what is known. One that is not is not there."""
    if answers.totals is not None:
        yield from _of_tasks(_without_queues(answers.totals))
    if answers.workers is not None:
        yield from _of_workers(answers.workers)


def _without_queues(totals: Sequence[TaskTotals]) -> Sequence[TaskTotals]:
    """Flower does not tell queues apart."""
    return summed(replace(task, subject=task.subject._replace(queue="")) for task in totals)


def _of_tasks(totals: Sequence[TaskTotals]) -> Iterator[Family]:
    labels = [(labelled(worker=task.subject.host, task=task.subject.task), task) for task in totals]
    events = (
        (f'{of},type="{name}"', task.numbers[total])
        for of, task in labels
        for name, total in EVENTS.items()
        if task.numbers[total]
    )
    yield counter("flower_events", "Number of events", events)
    runs = ((of, task.durations(RUN_BUCKETS, Total.RUN_TIME)) for of, task in labels)
    samples = ((of, durations) for of, durations in runs if durations is not None)
    yield histogram("flower_task_runtime_seconds", "Task runtime", BOUNDS, samples)
    yield gauge(
        "flower_task_prefetch_time_seconds",
        "The time the task spent waiting at the celery worker to be executed.",
        ((of, task.prefetch_seconds) for of, task in labels if task.prefetch_seconds is not None),
    )


def _of_workers(workers: Sequence[WorkerInfo]) -> Iterator[Family]:
    labels = [(labelled(worker=worker.hostname), worker) for worker in workers]
    yield gauge(
        "flower_worker_prefetched_tasks",
        "Number of tasks of given type prefetched at a worker",
        ((f'{of},task=""', worker.reserved) for of, worker in labels if worker.reserved is not None),
    )
    yield gauge("flower_worker_online", "Worker online status", ((of, int(is_up(worker))) for of, worker in labels))
    yield gauge(
        "flower_worker_number_of_currently_executing_tasks",
        "Number of tasks currently executing at a worker",
        ((of, worker.active) for of, worker in labels if worker.active is not None),
    )
