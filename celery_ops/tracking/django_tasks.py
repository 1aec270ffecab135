"""Tasks of Django's own framework that Celery runs: what stands behind the Celery task that a backend made of one.

Backends register a function of their own that takes anything. The task itself says what it is called with.
"""

import sys
from collections.abc import Callable
from types import MethodType
from typing import Any, Final

#: Where ``Task`` is: Django 6's own framework, and the package that has it for Django 5.
FRAMEWORKS: Final = ("django.tasks.base", "django_tasks.base")
#: What backends put before a task's dotted path to name it for Celery.
NAME_PREFIXES: Final = ("", "django_tasks:")


def is_django_task(task: Any) -> bool:
    """Return whether it is a task of the framework; while that is not imported, nothing is."""
    loaded = (sys.modules.get(name) for name in FRAMEWORKS)
    return isinstance(task, tuple(module.Task for module in loaded if module is not None))


def celery_names(task: Any, registered: Any) -> list[str]:
    """Return what Celery calls a task of the framework: of the possible names those that are ``registered``."""
    names = [f"{prefix}{task.module_path}" for prefix in NAME_PREFIXES]
    return [name for name in names if name in registered] or names[:1]


def behind(task: Any) -> Any:
    """Return the framework's task that a Celery task runs, None for one that is Celery's own."""
    path = str(task.name)
    for prefix in filter(None, NAME_PREFIXES):
        path = path.removeprefix(prefix)
    module, _, name = path.rpartition(".")
    namesake = getattr(sys.modules.get(module), name, None)
    return namesake if is_django_task(namesake) else None


def function_of(task: Any) -> Callable[..., Any] | None:
    """Return the function behind a Celery task, without the context that the framework gives it; else None."""
    framework_task = behind(task)
    if framework_task is None:
        return None
    return MethodType(framework_task.func, framework_task) if framework_task.takes_context else framework_task.func
