"""Where results go, and whether that says enough for the pages."""

from collections.abc import Iterator
from typing import Any, Final

from celery.backends.base import DisabledBackend
from celery.backends.rpc import RPCBackend
from django.utils.translation import gettext as _

from ..conf import conf
from ..connections.target import reason
from .finding import Finding, error, ok, warning

#: A task id that nobody has.
NOBODYS: Final = "celery_ops-doctor"
NAME: Final = "result-backend"


def check() -> Iterator[Finding]:
    """Ask the result backend for a result that is not there, which writes nothing, and look at its settings."""
    app = conf.celery_app
    reached = _reached(app)
    yield reached
    if isinstance(_backend(app), DisabledBackend):
        return
    config = app.conf
    yield _set(
        "result-details",
        config.result_extended,
        good=_("Results carry names, arguments and workers."),
        bad=_("Results carry neither names nor arguments nor workers."),
        hint=_("Set CELERY_RESULT_EXTENDED = True."),
    )
    yield _set(
        "track-started",
        config.task_track_started,
        good=_("A task that runs is told from one that waits."),
        bad=_("A task that runs looks as if it waited."),
        hint=_("Set CELERY_TASK_TRACK_STARTED = True."),
    )
    yield _set(
        "result-expiry",
        config.result_expires,
        good=_("Results expire."),
        bad=_("Results are kept for ever."),
        hint=_("Set CELERY_RESULT_EXPIRES, or run celery_ops prune --results regularly."),
    )


def _reached(app: Any) -> Finding:
    try:
        backend = _backend(app)
        if isinstance(backend, DisabledBackend):
            message = _("Results are not kept, so nobody sees how tasks ended that are not tracked.")
            return warning(NAME, message, _("Set CELERY_RESULT_BACKEND = 'django-db'."))
        if isinstance(backend, RPCBackend):  # only who sent a task may ask
            return ok(NAME, _("Results go through the broker to whoever asked for the task."))
        backend.get_task_meta(NOBODYS)
    except Exception as failure:  # of a client library, whichever it is
        message = _("The result backend does not answer: %(reason)s.") % {"reason": reason(failure)}
        return error(NAME, message, _("Start it, correct CELERY_RESULT_BACKEND, or run manage.py migrate."))
    return ok(NAME, _("The result backend answers (%(kind)s).") % {"kind": type(backend).__name__})


def _backend(app: Any) -> Any:
    """Return a backend of our own: the process's may wait for as long as the settings say."""
    return app._get_backend()


def _set(name: str, value: Any, *, good: str, bad: str, hint: str) -> Finding:
    return ok(name, good) if value else warning(name, bad, hint)
