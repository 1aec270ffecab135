"""What may be run by hand: the allowlist, what workers have registered, and the policy, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .conf import conf
from .exceptions import BackendUnavailable
from .info import RegisteredTask
from .permissions import RUN_TASK, VIEW_OPS, allows
from .running.allowlist import Runnable, allowed_names, described, runnable, site_tasks


@dataclass(frozen=True, slots=True)
class Offer:
    """One task in the list of what may be run.

    ``is_runnable`` says that ``RUNNABLE_TASKS`` allows it, ``may_run`` that this viewer may run it, too. ``workers``
    has the hostnames that registered it and the limits in force there; None when the workers cannot be asked.
    """

    runnable: Runnable
    is_runnable: bool
    may_run: bool
    workers: Mapping[str, RegisteredTask] | None = None


@dataclass(frozen=True, slots=True)
class Offers:
    """What is offered, by name; ``trouble`` says why nothing is known of the workers."""

    tasks: tuple[Offer, ...]
    trouble: str = ""


def workers_tasks() -> Mapping[str, Mapping[str, RegisteredTask]]:
    """Return the tasks that live workers have, by task name and hostname. Raises BackendUnavailable."""
    return conf.load("WORKER_BACKEND")().registered()


def find(name: str) -> Runnable | None:
    """Return the task of exactly this name that may be run by hand, or None.

    Workers are asked for one that this process does not know. Raises BackendUnavailable when they cannot be.
    """
    task = runnable(name)
    if task is None and name in allowed_names():
        return runnable(name, elsewhere=workers_tasks())
    return task


def may_run_something(user: Any) -> bool:
    """Return whether ``user`` may run tasks, or any one of them: the pages and the API of runs are open to them."""
    return allows(user, RUN_TASK) or any(allows(user, RUN_TASK, name) for name in allowed_names())


def offers(user: Any) -> Offers:
    """Return the tasks that ``user`` may run, and for those with ``view_ops`` every other one of the site as well."""
    try:
        registered, trouble = workers_tasks(), ""
    except BackendUnavailable as error:
        registered, trouble = None, str(error)
    allowed = frozenset(allowed_names())
    tasks = site_tasks()
    sees_all = allows(user, VIEW_OPS)
    offered = []
    for name in sorted({*tasks, *allowed} if sees_all else allowed):
        is_runnable = name in allowed and (name in tasks or name in (registered or ()))
        may_run = is_runnable and allows(user, RUN_TASK, name)
        if may_run or sees_all:
            workers = None if registered is None else registered.get(name, {})
            offered.append(Offer(described(name, tasks.get(name)), is_runnable, may_run, workers))
    return Offers(tuple(offered), trouble)
