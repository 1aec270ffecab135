"""The task of Django's own framework behind a Celery task, and how its result is called there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..info import TaskInfo, TrackedTask
from ..tracking import django_tasks

#: Whose backend makes of Django's -100 to 100 a number from 0 to 255.
WIDE_PRIORITIES: Final = "django_tasks_celery"
WIDEST: Final = 255
LOWEST, USUAL, HIGHEST = -100, 0, 100


@dataclass(frozen=True, slots=True)
class DjangoTask:
    """``path`` is dotted, ``result_id`` what ``get_result()`` takes, ``alias`` the backend's name in ``TASKS``.

    ``backend`` is its class; both are empty for a task whose module this process has not imported. ``priority`` is
    Django's, None where nobody knows, and ``run_after`` an aware datetime or None.
    """

    path: str
    result_id: str
    alias: str = ""
    backend: str = ""
    priority: int | None = None
    run_after: datetime | None = None


def django_task(task: TaskInfo, tracked: TrackedTask | None) -> DjangoTask | None:
    """Return what stands behind a task, None for one that is Celery's own, as far as this process knows."""
    framework_task = django_tasks.task_named(task.name)
    path = django_tasks.path_of(task.name)
    if framework_task is None and path == task.name:
        return None
    result_id = (tracked and tracked.django_result_id) or task.id
    if framework_task is None:
        priority = tracked.django_priority if tracked else None
        return DjangoTask(path, result_id, priority=priority, run_after=task.eta)
    backend = class_of(framework_task)
    return DjangoTask(
        path, result_id, framework_task.backend, backend, _priority(framework_task, backend, tracked), task.eta
    )


def class_of(framework_task: Any) -> str:
    """Return the dotted path of a task's backend; empty where the settings have none for it."""
    try:
        backend = type(framework_task.get_backend())
    except Exception:  # whatever a site's backend raises
        return ""
    return f"{backend.__module__}.{backend.__qualname__}"


def _priority(framework_task: Any, backend: str, tracked: TrackedTask | None) -> int | None:
    """The priority that one was enqueued with, else the one that all of them have."""
    if tracked is None:
        return framework_task.priority
    if tracked.django_priority is not None:
        return tracked.django_priority
    if not backend.startswith(f"{WIDE_PRIORITIES}."):
        return framework_task.priority
    if tracked.priority is None:  # that backend sends none for Django's usual one
        return USUAL
    return round(tracked.priority * (HIGHEST - LOWEST) / WIDEST) + LOWEST
