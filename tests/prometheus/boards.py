"""What Grafana's boards 17508 and 17509 and the alerts of celery-mixin ask of Prometheus, as of August 2026.

Facts, written down from https://github.com/danihodovic/celery-exporter: which series each panel wants, over what time,
added up by what. ``$…`` are a board's variables, for Grafana to fill in.
"""

from collections.abc import Iterator, Mapping
from typing import Final

SITE: Final = 'cluster="$cluster", namespace="$namespace", job=~"$job"'
#: All queues but those that have no name; the chosen ones of them; in these, the chosen tasks.
QUEUES: Final = f'{SITE}, queue_name!~"None"'
CHOSEN_QUEUES: Final = f'{SITE}, queue_name=~"$queue_name", queue_name!~"None"'
CHOSEN_TASKS: Final = f'{CHOSEN_QUEUES}, name=~"$task", name!~"None"'
EVENTS: Final = ("sent", "received", "succeeded", "failed", "retried", "revoked", "rejected")
STEP: Final = "$__rate_interval"


def total(event: str, of: str, time: str, by: str = "", *, function: str = "increase", rounded: bool = False) -> str:
    """Return what adds up a counter of tasks over some time."""
    grown = f"{function}(celery_task_{event}_total{{{of}}}[{time}])"
    return f"sum({f'round({grown})' if rounded else grown}){f' by ({by})' if by else ''}"


def success_rate(of: str, time: str, by: str = "", *, function: str = "increase", rounded: bool = True) -> str:
    succeeded = total("succeeded", of, time, by, function=function, rounded=rounded)
    return f"{succeeded}/({succeeded}+{total('failed', of, time, by, function=function, rounded=rounded)})"


def runtime(of: str, by: str = "") -> str:
    """Return the mean of a week's runs."""
    end = f" by ({by})" if by else ""
    added, number = (f"sum(rate(celery_task_runtime_{part}{{{of}}}[1w])){end}" for part in ("sum", "count"))
    return f"{added}/{number} > 0"


def percentile(part: str, of: str, by: str) -> str:
    return f"histogram_quantile({part}, sum(irate(celery_task_runtime_bucket{{{of}}}[{STEP}])) by ({by}))"


def overview() -> Iterator[tuple[str, str]]:
    """Yield the panels of 17509, "Celery / Tasks / Overview"."""
    yield "workers", f"count(celery_worker_up{{{QUEUES}}} == 1)"
    yield "active tasks", f"sum(celery_worker_tasks_active{{{QUEUES}}})"
    yield "queues", f"count(group by (queue_name) (celery_queue_length{{{QUEUES}}}))"
    yield "received in a week", total("received", QUEUES, "1w", rounded=True)
    yield "success rate of a week", success_rate(QUEUES, "1w")
    yield "mean runtime of a week", runtime(QUEUES)
    yield "longest queues", f"topk(10, sum(celery_queue_length{{{QUEUES}}}) by (queue_name))"
    yield "most frequent tasks", f"topk(10, {total('received', QUEUES, '6h', 'name', function='rate')})"
    for event in EVENTS:
        yield f"{event} in six hours", total(event, QUEUES, "6h")
        yield f"{event} in the range", total(event, CHOSEN_QUEUES, "$__range", "job", rounded=True)
        yield f"{event}, step by step", total(event, CHOSEN_QUEUES, STEP, rounded=True)
    yield "success rate of the range", f"{success_rate(CHOSEN_QUEUES, '$__range', 'job')} > -1"
    yield "failed tasks", f"round({total('failed', CHOSEN_QUEUES, '1w', 'job, name')})"
    yield "exceptions", f"round({total('failed', CHOSEN_QUEUES, '1w', 'job, exception')})"
    yield "longest runtimes", runtime(CHOSEN_QUEUES, "name")
    yield "queue lengths", f"sum(celery_queue_length{{{CHOSEN_QUEUES}}}) by (job, queue_name)"
    for part in ("0.50", "0.95", "0.99"):
        yield f"runtime, {part}", percentile(part, CHOSEN_QUEUES, "job, le")


def by_task() -> Iterator[tuple[str, str]]:
    """Yield the panels of 17508, "Celery / Tasks / By task"."""
    yield (
        "most frequent in queues",
        f"topk(10, {total('received', CHOSEN_QUEUES, '6h', 'queue_name', function='rate')})",
    )
    yield "most frequent tasks", f"topk(10, {total('received', CHOSEN_QUEUES, '6h', 'name', function='rate')})"
    for event in EVENTS:
        yield f"{event} in six hours", total(event, CHOSEN_QUEUES, "6h")
        yield f"{event} in a week", total(event, CHOSEN_TASKS, "1w", "name", rounded=True)
        yield f"{event}, step by step", total(event, CHOSEN_TASKS, STEP, "name", rounded=True)
    yield "success rate of a week", f"{success_rate(CHOSEN_TASKS, '1w', 'name')} > -1"
    yield "success rate, step by step", success_rate(CHOSEN_TASKS, STEP, function="rate", rounded=False)
    yield "exceptions", f"round({total('failed', CHOSEN_TASKS, '1w', 'name, exception')})"
    yield "exceptions, step by step", total("failed", CHOSEN_TASKS, STEP, "name, exception", rounded=True)
    for part in ("0.50", "0.95", "0.99"):
        yield f"runtime, {part}", percentile(part, CHOSEN_TASKS, "name, job, le")


_CELERY: Final = 'job=~".*celery.*"'
_NAMED: Final = f'{_CELERY}, queue_name!~"None", name!~"None"'
_ALL: Final = "job, namespace, queue_name, name"


def alerts() -> Iterator[tuple[str, str]]:
    """Yield the alerts of celery-mixin, each as it fires."""
    failed, succeeded = (total(event, _NAMED, "10m", _ALL) for event in ("failed", "succeeded"))
    yield "CeleryTaskHighFailRate", f"{failed} / ({failed} + {succeeded}) * 100 > 5"
    queues = f'{_CELERY}, queue_name!~"None"'
    yield "CeleryHighQueueLength", f"sum(celery_queue_length{{{queues}}}) by (job, namespace, queue_name) > 100"
    yield "CeleryWorkerDown", f"celery_worker_up{{{_CELERY}}} == 0"


#: What a board's variables are chosen from: a label of a series.
VARIABLES: Final[Mapping[str, str]] = {
    "cluster": "celery_worker_up",
    "namespace": "celery_worker_up",
    "job": "celery_worker_up",
    "queue_name": "celery_task_received_total",
    "name": "celery_task_received_total",
}
