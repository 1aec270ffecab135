"""Whether a task may be run again at all, and by whom: asked in the same words by page, panel and handler."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .. import catalog, states
from ..exceptions import BackendUnavailable, RerunRefused
from ..formatting import clean
from ..permissions import RUN_TASK, allows
from ..running.allowlist import CELERYS, Runnable, described, runnable, site_tasks
from ..sentences import Sentence as _
from ..tracking.registry import registry

#: The states in which a task has no more to do.
OVER: Final = states.FINAL | {states.LOST}


def rerunnable(name: str, find: Callable[[str], Runnable | None] = runnable) -> Runnable | None:
    """Return the task of this name when it may be run again by somebody: it is in ``RUNNABLE_TASKS``, or tracked and
    not hidden. ``find`` may ask workers for one that this process does not know, and raises what it raises."""
    if name.startswith(CELERYS):
        return None
    allowed = find(name)
    if allowed is not None:
        return allowed
    task = site_tasks().get(name)
    if task is None or all(binding.hidden for binding in registry.bindings(name)):
        return None
    return described(name, task)


def permitted(name: str, user: Any) -> Runnable:
    """Return the task when ``user`` may run it again. Raises RerunRefused.

    A ``user`` of None is whoever may use a shell of the site, not a visitor: the policy is not asked.
    """
    if user is not None and not allows(user, RUN_TASK, name):
        raise RerunRefused(_("You may not run this task."), is_forbidden=True)
    try:
        task = rerunnable(name, catalog.find)
    except BackendUnavailable as error:
        raise RerunRefused(str(error), is_away=True) from error
    if task is None:
        raise RerunRefused(_("This task may not be run by hand: RUNNABLE_TASKS does not name it."), is_closed=True)
    return task


def check_over(state: str) -> None:
    """Raise RerunRefused for a task that may have something to do yet."""
    if not state:
        raise RerunRefused(reason_unheard())
    if state not in OVER:
        raise RerunRefused(_("It has not ended yet."))


def check_fits(task: Runnable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise RerunRefused for arguments that the task of today would not take."""
    if task.task is None or not task.task.typing:
        return
    signature = getattr(task.task, "__header__", None)
    if signature is None:
        return
    try:
        signature(*args, **kwargs)
    except TypeError as error:
        raise RerunRefused(
            _("Its arguments no longer fit the task: %(why)s.") % {"why": clean(str(error), 200)}
        ) from error


def reason_unheard() -> str:
    """Return why a task is not run again of which nobody but the journal knows."""
    return _("Nothing is known of what became of it: it may still wait.")


def warning(task: Runnable) -> str:
    """Return what to consider before a task is run again, empty when there is nothing."""
    if task.task is None or task.task.acks_late:
        return ""
    return _("This task does not say that it may run twice (acks_late).")
