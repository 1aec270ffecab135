"""Tasks of Django's own framework: whether Celery runs them, by which names, and what becomes of priorities."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..backends.remote import replies
from ..backends.remote.looks import Answers
from ..conf import conf
from ..connections import target
from ..control import paused_queues
from ..redelivery import RABBITMQ
from ..running.allowlist import allowed_names
from ..task_detail.django_task import class_of
from ..tracking import django_tasks
from ..tracking.registry import registry
from .finding import Finding, listed, ok, warning

NAME: Final = "django-tasks"
#: Backends that run a task where it is enqueued, or not at all: for development and tests.
IN_PLACE: Final = ("immediate.ImmediateBackend", "dummy.DummyBackend")
#: The packages whose backends give tasks to Celery, and which of them leaves Django's usual queue to Celery's own.
FENNEL: Final = "django_tasks_fennel"
CELERY: Final = "django_tasks_celery"
USUAL_QUEUE: Final = "default"

_REMEDY: Final = gettext_lazy(
    "Set BACKEND in TASKS to one that gives tasks to Celery, such as django_tasks_fennel.CeleryBackend."
)


def check() -> Iterator[Finding]:
    """Look at ``TASKS`` and at the tasks that this process has."""
    behind = _behind()
    strangers = _strangers(behind)
    backends = _backends()
    findings = [*_in_place(backends), *_unfollowed(strangers), *_names(behind), *_priorities(behind)]
    if findings:
        yield from findings
    elif not (behind or backends):
        yield ok(NAME, _("This site has no tasks of Django's own framework."))
    else:
        message = ngettext(
            "Django's own tasks are run by Celery: %(n)s of them is known here.",
            "Django's own tasks are run by Celery: %(n)s of them are known here.",
            len(behind),
        )
        yield ok(NAME, message % {"n": len(behind)})


def check_queues(answers: Answers) -> Iterator[Finding]:
    """Say which queues of the backends that give tasks to Celery no worker consumes. ``answers`` have the workers'."""
    wanted = _queues()
    consumed = _consumed(answers)
    if not wanted or consumed is None:
        return
    missing = {queue: aliases for queue, aliases in wanted.items() if queue not in consumed}
    paused = paused_queues.pauses() if missing else {}
    deserted = {f"{queue} ({', '.join(sorted(missing[queue]))})" for queue in missing.keys() - paused.keys()}
    if deserted:
        message = _("TASKS sends to queues that no worker consumes: %(names)s.") % {"names": listed(deserted)}
        hint = _("Start a worker with -Q and the queue's name, or make it task_default_queue of the Celery app.")
        yield warning(NAME, message, hint)
    else:
        yield ok(NAME, _("Every queue of TASKS has a worker."))


# -- what there is ----------------------------------------------------------------------------------------------------


def _backends() -> Mapping[str, Mapping[str, Any]]:
    """The backends that the site itself has chosen, by alias."""
    is_chosen = settings.is_overridden("TASKS")  # type: ignore[misc]  # what Django's Settings has, its stubs leave out
    chosen = getattr(settings, "TASKS", None) if is_chosen else None
    items = chosen.items() if isinstance(chosen, Mapping) else ()
    return {str(alias): backend for alias, backend in items if isinstance(backend, Mapping)}


def _behind() -> dict[str, Any]:
    """The framework's tasks that Celery runs, by what Celery calls them."""
    tasks = {name: django_tasks.task_named(name) for name in conf.celery_app.tasks}
    return {name: task for name, task in tasks.items() if task is not None}


def _strangers(behind: Collection[str]) -> dict[str, Any]:
    """Those that are tracked and that Celery does not have."""
    tasks = {name: django_tasks.task_named(name) for name in registry.names() if name not in behind}
    return {name: task for name, task in tasks.items() if task is not None}


def _queues() -> dict[str, set[str]]:
    """The queues to which backends send that are known to give tasks to Celery, each with the aliases that do."""
    queues: dict[str, set[str]] = {}
    for alias, backend in _backends().items():
        package = str(backend.get("BACKEND")).partition(".")[0]
        if package in (FENNEL, CELERY):
            for queue in _names_of(backend.get("QUEUES", [USUAL_QUEUE])):
                is_celerys = package == CELERY and queue == USUAL_QUEUE
                name = conf.celery_app.conf.task_default_queue if is_celerys else queue
                queues.setdefault(name, set()).add(alias)
    return queues


def _names_of(queues: Any) -> Iterable[str]:
    return (queue for queue in queues if isinstance(queue, str)) if isinstance(queues, (list, tuple, set)) else ()


def _consumed(answers: Answers) -> set[str] | None:
    """Every queue that a worker consumes; None when one did not say."""
    consumed: set[str] = set()
    for host, parts in answers.replies.items():
        queues = replies.detail(host, parts, ["active_queues"]).info.queues
        if queues is None:
            return None
        consumed.update(queues)
    return consumed


# -- what is wrong ----------------------------------------------------------------------------------------------------


def _in_place(backends: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    wrong = {alias for alias, backend in backends.items() if str(backend.get("BACKEND")).endswith(IN_PLACE)}
    if wrong and not settings.DEBUG:
        message = _("These backends of TASKS run a task inside the request, or never: %(names)s.")
        yield warning(NAME, message % {"names": listed(wrong)}, str(_REMEDY))


def _unfollowed(strangers: Mapping[str, Any]) -> Iterator[Finding]:
    if strangers:
        message = _("These are tracked, and Celery does not run them, so nobody follows them: %(names)s.")
        names = listed(f"{name} ({class_of(task) or task.backend})" for name, task in strangers.items())
        yield warning(NAME, message % {"names": names}, str(_REMEDY))


def _names(behind: Mapping[str, Any]) -> Iterator[Finding]:
    """Settings name a task as Celery does, which may have a prefix."""
    tracked = conf.TRACKED_TASKS if isinstance(conf.TRACKED_TASKS, Mapping) else {}
    celerys = {task.module_path: name for name, task in behind.items() if name != task.module_path}
    if wrong := ({*allowed_names(), *tracked} & celerys.keys()) - conf.celery_app.tasks.keys():
        message = _("CELERY_OPS names tasks as Django does, and Celery calls them otherwise: %(names)s.")
        names = listed(f"{name} → {celerys[name]}" for name in wrong)
        yield warning(NAME, message % {"names": names}, _("Write Celery's names in RUNNABLE_TASKS and TRACKED_TASKS."))


def _priorities(behind: Mapping[str, Any]) -> Iterator[Finding]:
    urgent = {name for name, task in behind.items() if task.priority}
    if not urgent:
        return
    driver, most = target.target().driver, conf.celery_app.conf.task_queue_max_priority
    if driver == "redis":
        message = _("Redis takes the lowest number first, so a high priority of Django comes last: %(names)s.")
        hint = _("Leave priorities out, and give what is urgent a queue and workers of its own.")
        yield warning(NAME, message % {"names": listed(urgent)}, hint)
    elif driver == RABBITMQ and not most:
        message = _("RabbitMQ heeds a priority only in queues that have some, and these tasks have one: %(names)s.")
        hint = _("Set task_queue_max_priority, such as 10, before the queues are declared.")
        yield warning(NAME, message % {"names": listed(urgent)}, hint)
