"""``RUNNABLE_TASKS``: which tasks may be run by hand at all, by exact name. Nothing else makes a task runnable."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from celery.app.task import Task
from django.utils.module_loading import import_string

from ..conf import conf
from ..tracking.registry import humanised, registry
from .options import configured_queues

#: Celery's own tasks: celery.map runs any task with any arguments.
CELERYS: Final = "celery."


@dataclass(frozen=True, slots=True)
class Runnable:
    """A task that may be run by hand, and the options that ``RUNNABLE_TASKS`` gives it.

    ``task`` is what is sent, resolved once; None for a task that only workers know.
    """

    name: str
    task: Task | None = None
    permission: str | None = None
    label: str = ""
    description: str = ""
    group: str = ""
    confirm: bool = False
    queues: tuple[str, ...] = ()
    form: Any = None
    max_per_minute: int | None = None

    @property
    def choosable_queues(self) -> tuple[str, ...]:
        """The queues to which a person may send it."""
        return self.queues or configured_queues()

    @property
    def form_class(self) -> Any:
        """The site's own form for its arguments, or None. Raises ImportError for a path that names nothing."""
        return import_string(self.form) if isinstance(self.form, str) else self.form


def site_tasks() -> dict[str, Task]:
    """Return the tasks of this site by name: what a worker would register, without Celery's own."""
    registry.bindings("")  # imports the modules that a worker would
    return {name: task for name, task in conf.celery_app.tasks.items() if not name.startswith(CELERYS)}


def runnable(name: Any, elsewhere: Collection[str] = ()) -> Runnable | None:
    """Return the runnable task of exactly this name, or None.

    ``elsewhere`` are the tasks that workers have: one that this process does not know is runnable when
    ``RUNNABLE_TASKS`` names it and a worker has it.
    """
    if not isinstance(name, str) or not name or name.startswith(CELERYS):
        return None
    allowed = conf.RUNNABLE_TASKS
    task = site_tasks().get(name)
    if allowed == "*":
        return described(name, task) if task is not None else None
    if isinstance(allowed, str) or name not in allowed or (task is None and name not in elsewhere):
        return None
    return described(name, task)


def allowed_names() -> tuple[str, ...]:
    """Return the names that ``RUNNABLE_TASKS`` allows, sorted, whether or not anybody knows such a task."""
    allowed = conf.RUNNABLE_TASKS
    names = site_tasks() if allowed == "*" else allowed
    if isinstance(names, str):
        return ()
    return tuple(sorted(name for name in names if isinstance(name, str) and not name.startswith(CELERYS)))


def options_of(name: str) -> Mapping[str, Any]:
    """Return the options that ``RUNNABLE_TASKS`` gives a task, none for one that it does not name."""
    allowed = conf.RUNNABLE_TASKS
    options = allowed.get(name) if isinstance(allowed, Mapping) else None
    return options if isinstance(options, Mapping) else {}


def described(name: str, task: Task | None) -> Runnable:
    """Return a task with its options, whether or not it may be run from a form: panels launch what is tracked."""
    options = options_of(name)
    description = options.get("description") or _summary(task)
    return Runnable(
        name=name,
        task=task,
        permission=options.get("permission"),
        label=str(options.get("label") or registry.label(name) or humanised(name)),
        description=str(description),
        group=str(options.get("group") or name.rpartition(".")[0]),
        confirm=bool(options.get("confirm")),
        queues=tuple(options.get("queues") or ()),
        form=options.get("form"),
        max_per_minute=options.get("max_per_minute"),
    )


def _summary(task: Task | None) -> str:
    """Return the first line of a task's docstring: its function's, not that of Celery's ``Task``."""
    text = getattr(getattr(task, "run", None), "__doc__", None) or ""
    return text.strip().partition("\n")[0][:200]
