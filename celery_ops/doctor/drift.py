"""Whether this process and the workers know the same tasks."""

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from ..backends.remote import replies
from ..backends.remote.gather import Answers
from ..conf import conf
from ..running.allowlist import CELERYS, allowed_names, site_tasks
from .finding import Finding, listed, ok, warning


def check(answers: Answers) -> Iterator[Finding]:
    """Compare tasks by name; ``answers`` have what the workers registered."""
    here, there = frozenset(site_tasks()), _registered(answers)
    missing, unknown = here - there, there - here
    if missing:
        message = _("No worker has these tasks, which this site can send: %(names)s.") % {"names": listed(missing)}
        yield warning("tasks-missing", message, _("Deploy the same code to the workers and restart them."))
    else:
        yield ok("tasks-missing", _("Workers have all %(n)s tasks of this site.") % {"n": len(here)})
    if unknown:
        message = _("Workers have tasks that this process does not know: %(names)s.") % {"names": listed(unknown)}
        hint = _("Deploy the same code here; if other projects share the broker, this is no fault.")
        yield warning("tasks-unknown", message, hint)
    else:
        yield ok("tasks-unknown", _("This process knows every task that workers have."))
    yield _named("runnable-tasks", "RUNNABLE_TASKS", allowed_names(), here | there)
    tracked = conf.TRACKED_TASKS if isinstance(conf.TRACKED_TASKS, dict) else {}
    yield _named("tracked-tasks", "TRACKED_TASKS", (name for name in tracked if isinstance(name, str)), here | there)


def _registered(answers: Answers) -> frozenset[str]:
    return frozenset(
        task.name
        for host, reply in answers.to("registered").items()
        for task in replies.registered(reply, host) or ()
        if not task.name.startswith(CELERYS)
    )


def _named(name: str, setting: str, names: Iterable[str], known: frozenset[str]) -> Finding:
    if strange := set(names) - known:
        said = {"setting": setting, "names": listed(strange)}
        message = _("%(setting)s names tasks that neither this process nor a worker knows: %(names)s.") % said
        return warning(name, message, _("Correct the names in CELERY_OPS, or take them out."))
    return ok(name, _("Every task that %(setting)s names is known.") % {"setting": setting})
