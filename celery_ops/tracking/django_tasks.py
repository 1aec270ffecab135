"""Tasks of Django's own framework that Celery runs: what stands behind the Celery task that a backend made of one.

Backends register a function of their own that takes anything. The task itself says what it is called with.
"""

import sys
from collections.abc import Callable, Container
from importlib import import_module
from types import MethodType
from typing import Any, Final

#: Where ``Task`` is: Django 6's own framework, and the package that has it for Django 5.
FRAMEWORKS: Final = ("django.tasks.base", "django_tasks.base")
#: What backends put before a task's dotted path to name it for Celery: django-tasks-celery and django-tasks-fennel.
NAME_PREFIXES: Final = ("", "django_tasks:")


def is_django_task(task: Any) -> bool:
    """Return whether it is a task of the framework; while that is not imported, nothing is."""
    loaded = (sys.modules.get(name) for name in FRAMEWORKS)
    return isinstance(task, tuple(module.Task for module in loaded if module is not None))


def celery_names(task: Any, registered: Container[str]) -> list[str]:
    """Return what Celery calls a task of the framework: of the possible names those that are ``registered``."""
    names = [f"{prefix}{task.module_path}" for prefix in NAME_PREFIXES]
    return [name for name in names if name in registered] or names[:1]


def path_of(name: str) -> str:
    """Return the dotted path in what Celery calls a task."""
    for prefix in filter(None, NAME_PREFIXES):
        name = name.removeprefix(prefix)
    return name


def task_named(name: str) -> Any:
    """Return the framework's task that Celery runs under this name, None for what is none, or not imported here."""
    module, _, attribute = path_of(name).rpartition(".")
    namesake = getattr(sys.modules.get(module), attribute, None)
    return namesake if is_django_task(namesake) else None


def behind(task: Any) -> Any:
    """Return the framework's task that a Celery task runs, None for one that is Celery's own."""
    return task_named(str(task.name))


def function_of(task: Any) -> Callable[..., Any] | None:
    """Return the function behind a Celery task, without the context that the framework gives it; else None."""
    framework_task = behind(task)
    if framework_task is None:
        return None
    return MethodType(framework_task.func, framework_task) if framework_task.takes_context else framework_task.func


def listen(task: Any) -> None:
    """Hear of the results of the framework that ``task`` is of; again does no harm."""
    for base in FRAMEWORKS:
        if (module := sys.modules.get(base)) is not None and isinstance(task, module.Task):
            signals = import_module(f"{base.rpartition('.')[0]}.signals")
            signals.task_enqueued.connect(_enqueued, dispatch_uid="celery_ops.task_enqueued")
            signals.task_started.connect(_started, dispatch_uid="celery_ops.task_started")


def _enqueued(**kwargs: Any) -> None:
    from .django_results import task_enqueued  # imported by whoever enqueues

    task_enqueued(**kwargs)


def _started(**kwargs: Any) -> None:
    from .django_results import task_started

    task_started(**kwargs)
