"""The broker: whether it answers, lets anybody in, and holds messages for long enough. From there to what lies behind.

Workers, their tasks and the queues can only be asked over it: while it is away, they are not checked.
"""

import socket
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from django.utils.translation import gettext as _

from .. import connections
from ..backends.remote import replies
from ..backends.remote.looks import Answers
from ..conf import conf
from ..connections import target
from ..exceptions import BrokerUnavailable
from ..info import TaskInfo
from ..redelivery import USUAL_TIMEOUTS, patience, positive
from ..timezones import now
from . import django_tasks, memory, queues, workers
from .finding import Finding, error, listed, ok, warning

#: What RabbitMQ is installed with.
GUEST: Final = ("guest", "guest")
VISIBILITY: Final = "visibility-timeout"


def check() -> Iterator[Finding]:
    """Go from the broker outwards: what lies behind a dead part is not checked."""
    place = target.target()
    if not place.name:
        hint = _("Correct broker_url, or install what its transport needs.")
        yield error("broker", _("The URL of the broker in the settings cannot be used."), hint)
        return
    if target.is_misled():
        message = _("broker_url names a Redis Cluster: Celery speaks to none, and goes to localhost instead.")
        yield error("broker", message, _("Name one Redis or its sentinels; the store alone may be in a cluster."))
        return
    try:
        connections.within(2 * connections.CONNECT_TIMEOUT, _open)
    except BrokerUnavailable as failure:
        message = _("%(broker)s does not answer: %(reason)s.")
        named = {"broker": str(place), "reason": target.reason(failure)}
        yield error("broker", message % named, _("Start it, or correct broker_url and its password."))
        return
    yield ok("broker", _("%(broker)s answers.") % {"broker": place})
    yield from _login()
    yield from memory.of_broker(place)
    answers = yield from workers.check()
    if answers is not None and answers.replies:
        yield from check_visibility(answers)
        yield from workers.check_tasks(answers)
        yield from django_tasks.check_queues(answers)
        yield from queues.check()


def _open() -> None:
    with connections.opened():
        """It is closed again at once."""


# -- who is let in ----------------------------------------------------------------------------------------------------


def _login() -> Iterator[Finding]:
    """Say whether a broker at a public address asks for a password."""
    connection = connections.connection()
    host = connection.hostname or ""
    if "://" in host or not host or host.startswith("/"):  # a file, a database, a socket
        return
    is_open = not connection.password or (connection.userid, connection.password) == GUEST
    if is_open and _is_public(host):
        message = _("The broker is at a public address and has no password of its own.")
        yield error("broker-login", message, _("Give it a password, and let only your own machines reach it."))
    else:
        yield ok("broker-login", _("The broker has a password, or is at a private address."))


def _is_public(host: str) -> bool:
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
        return any(ip_address(str(address).partition("%")[0]).is_global for address in addresses)
    except (OSError, ValueError):
        return False


# -- how long it waits ------------------------------------------------------------------------------------------------


def check_visibility(answers: Answers) -> Iterator[Finding]:
    """Say whether tasks are held for longer than the broker waits: they run twice."""
    config = conf.celery_app.conf
    broker = patience()
    if broker.driver not in USUAL_TIMEOUTS or broker.timeout is None:
        return
    timeout = f"{broker.timeout.total_seconds():.15g}"
    hint = _("Raise visibility_timeout in broker_transport_options above the longest countdown and time limit.")
    late = {task.name or task.id for task in _scheduled(answers) if _is_beyond(task, broker.timeout)}
    longest = positive(config.task_time_limit)
    if late:
        message = _("These wait for longer than %(timeout)s s and may run twice: %(names)s.")
        yield warning(VISIBILITY, message % {"timeout": timeout, "names": listed(late)}, hint)
    elif config.task_acks_late and longest and longest > broker.timeout.total_seconds():
        message = _("With task_acks_late a task may run %(limit)s s, and is given out again after %(timeout)s s.")
        yield warning(VISIBILITY, message % {"timeout": timeout, "limit": longest}, hint)
    else:
        message = _("No task is held for longer than the broker waits (%(timeout)s s).")
        yield ok(VISIBILITY, message % {"timeout": timeout})


def _scheduled(answers: Answers) -> Iterator[TaskInfo]:
    for host, reply in answers.to("scheduled").items():
        yield from replies.scheduled(reply, host) or ()


def _is_beyond(task: TaskInfo, timeout: timedelta) -> bool:
    return task.eta is not None and task.eta - now() > timeout
