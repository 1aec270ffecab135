"""Redis and SQS hand a message to another worker when it is not acknowledged in time."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from ..backends.remote import replies
from ..backends.remote.gather import Answers
from ..conf import conf
from ..connections.target import target
from ..timezones import now
from .finding import Finding, listed, ok, warning

#: Seconds: kombu's own when the settings have none.
USUAL: Final = {"redis": 3600, "sqs": 1800}
NAME: Final = "visibility-timeout"


def check(answers: Answers) -> Iterator[Finding]:
    """Say whether tasks are held for longer than the broker waits: they run twice."""
    config = conf.celery_app.conf
    usual = USUAL.get(target().driver)
    if usual is None:
        return
    timeout = _seconds((config.broker_transport_options or {}).get("visibility_timeout")) or usual
    hint = _("Raise visibility_timeout in broker_transport_options above the longest countdown and time limit.")
    late = {task.name or task.id for task in _scheduled(answers) if _is_beyond(task, timeout)}
    longest = _seconds(config.task_time_limit)
    if late:
        said = {"timeout": timeout, "names": listed(late)}
        yield warning(NAME, _("These wait for longer than %(timeout)s s and may run twice: %(names)s.") % said, hint)
    elif config.task_acks_late and longest and longest > timeout:
        said = {"timeout": timeout, "limit": longest}
        message = _("With task_acks_late a task may run %(limit)s s, and is given out again after %(timeout)s s.")
        yield warning(NAME, message % said, hint)
    else:
        yield ok(NAME, _("No task is held for longer than the broker waits (%(timeout)s s).") % {"timeout": timeout})


def _scheduled(answers: Answers) -> Iterator[Any]:
    for host, reply in answers.to("scheduled").items():
        yield from replies.scheduled(reply, host) or ()


def _is_beyond(task: Any, timeout: float) -> bool:
    return task.eta is not None and task.eta - now() > timedelta(seconds=timeout)


def _seconds(value: Any) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else 0
