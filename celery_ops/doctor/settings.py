"""Settings that are wrong or dangerous, as far as this process has them."""

from collections.abc import Iterator
from typing import Any, Final

from django.core import checks
from django.utils.translation import gettext as _

from ..conf import conf
from ..formatting import clean
from ..running.allowlist import site_tasks
from . import django_tasks
from .finding import Finding, error, listed, ok, warning

PICKLES: Final = {"pickle", "application/x-python-serialize"}
#: The checks that say that the URLs are not included, and that nobody can log in where the pages send them.
NO_URLS: Final = "celery_ops.W001"
NO_LOGIN: Final = "celery_ops.I005"


def check() -> Iterator[Finding]:
    """Run the system checks, and look at what Celery lets happen."""
    yield from check_settings()
    config = conf.celery_app.conf
    yield _pickle(config)
    yield _time_limits(config)
    yield from django_tasks.check()


def check_settings() -> Iterator[Finding]:
    """Run the system checks alone."""
    messages = checks.run_checks(tags=["celery_ops"])
    yield from _settings([message for message in messages if message.id not in (NO_URLS, NO_LOGIN)])
    urls = [message for message in messages if message.id == NO_URLS]
    yield from _expected("urls", urls, _("The pages are included in the site's URLs."))
    login = [message for message in messages if message.id == NO_LOGIN]
    yield from _expected("login", login, _("Who is not logged in is sent to a page of the site, or to another site."))


def _settings(messages: list[Any]) -> Iterator[Finding]:
    grave = [message for message in messages if message.level >= checks.WARNING]
    for message in grave:
        make = error if message.is_serious() else warning
        hint = clean(str(message.hint or "")) or _("Correct it in CELERY_OPS.")
        yield make("settings", clean(str(message.msg)), hint)
    if not grave:
        yield ok("settings", _("CELERY_OPS is in order."))


def _expected(name: str, messages: list[Any], good: str) -> Iterator[Finding]:
    for message in messages:
        yield warning(name, clean(str(message.msg)), clean(str(message.hint)))
    if not messages:
        yield ok(name, good)


def _pickle(config: Any) -> Finding:
    accepted = {*(config.accept_content or ()), *(config.result_accept_content or ())}
    if PICKLES & {*accepted, config.task_serializer, config.result_serializer}:
        message = _("Pickle is accepted: whoever can write to the broker can run any code on the workers.")
        return error("pickle", message, _("Set CELERY_ACCEPT_CONTENT = ['json'], and json as the serializers."))
    return ok("pickle", _("Messages are data: pickle is not accepted."))


def _time_limits(config: Any) -> Finding:
    if config.task_time_limit or config.task_soft_time_limit:
        return ok("time-limits", _("Tasks have a time limit."))
    ours = "celery_ops."  # whose schedule says how long it may take
    tasks = {name: task for name, task in site_tasks().items() if not name.startswith(ours)}
    without = {name for name, task in tasks.items() if not (task.time_limit or task.soft_time_limit)}
    if not without:
        return ok("time-limits", _("Every task has a time limit of its own."))
    message = _("These tasks may run for ever: %(names)s.") % {"names": listed(without)}
    return warning("time-limits", message, _("Set CELERY_TASK_TIME_LIMIT, such as 1800 seconds."))
