"""Telling workers: which commands there are, what each takes, and to whom it goes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from time import sleep
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from ..backends import control
from ..backends.base import BackendUnavailable
from ..backends.broker import reserved
from ..backends.remote import gather
from ..conf import conf
from ..connections import BrokerUnavailable
from ..formatting import clean
from ..info import WorkerInfo
from ..running.errors import BadInput
from . import paused_queues, pools
from .journal import Acted, NotDone, asked_of_workers, recorded

#: Processes that a pool may be given at once, and have.
MOST_PROCESSES: Final = 256
#: Seconds of a time limit.
LONGEST_LIMIT: Final = 7 * 86400
LONGEST_NAME: Final = 255
#: Seconds that are waited for those who do not answer: a worker that ends says nothing.
NO_ANSWER: Final = 0.01

#: Seconds after which a worker has done what it says that it will do.
SETTLING: Final = 0.2
#: What not every pool can do.
POOL_ACTIONS: Final = frozenset({"pool_grow", "pool_shrink", "pool_restart", "autoscale", "time_limit"})

RATE = re.compile(r"0|[1-9]\d{0,5}(\.\d{1,3})?/[smh]")

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that a worker can be told: ``arguments`` reads what is sent along.

    ``answers`` is False for what ends the worker that would answer. ``lives`` says that it should answer again at
    once, ``settles`` seconds after its reply: some things are only done after that.
    """

    method: str
    arguments: Callable[[Parameters], dict[str, Any]] = lambda given: {}
    answers: bool = True
    lives: bool = True
    settles: float = 0.0


def _whole(given: Parameters, name: str, least: int = 1) -> int:
    text = (given.get(name) or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= MOST_PROCESSES):
        numbers = {"least": least, "most": MOST_PROCESSES}
        raise BadInput({name: [_("Enter a whole number from %(least)s to %(most)s.") % numbers]})
    return int(text)


def _name(given: Parameters, name: str) -> str:
    text = given.get(name) or ""
    if not (0 < len(text) <= LONGEST_NAME and text.isprintable()):
        raise BadInput({name: [_("Enter a name.")]})
    return text


def _autoscale(given: Parameters) -> dict[str, Any]:
    least, most = _whole(given, "min", least=0), _whole(given, "max")
    if least > most:
        raise BadInput({"min": [_("The least is more than the most.")]})
    return {"min": least, "max": most}


def _rate_limit(given: Parameters) -> dict[str, Any]:
    text = (given.get("rate_limit") or "").strip()
    if not RATE.fullmatch(text):
        raise BadInput({"rate_limit": [_("Enter a rate such as 10/m, 1/s or 100/h, or 0 for none.")]})
    return {"task_name": _name(given, "task_name"), "rate_limit": text}


def _time_limit(given: Parameters) -> dict[str, Any]:
    soft, hard = _seconds(given, "soft"), _seconds(given, "hard")
    if soft is None and hard is None:
        raise BadInput({"hard": [_("Enter a soft or a hard limit.")]})
    if soft is not None and hard is not None and soft > hard:
        raise BadInput({"soft": [_("The soft limit comes after the hard one.")]})
    return {"task_name": _name(given, "task_name"), "soft": soft, "hard": hard}


def _seconds(given: Parameters, name: str) -> float | None:
    text = (given.get(name) or "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if len(text) < 20 else 0.0
    except ValueError:
        seconds = 0.0
    if not (isfinite(seconds) and 0 < seconds <= LONGEST_LIMIT):
        raise BadInput({name: [_("Enter a number of seconds, up to a week.")]})
    return seconds


COMMANDS: Final[Mapping[str, Command]] = {
    "pool_grow": Command("pool_grow", lambda given: {"n": _whole(given, "n")}),
    "pool_shrink": Command("pool_shrink", lambda given: {"n": _whole(given, "n")}),
    "pool_restart": Command("pool_restart", lambda given: {"modules": [], "reload": False}, lives=False),
    "autoscale": Command("autoscale", _autoscale),
    "add_consumer": Command("add_consumer", lambda given: {"queue": _name(given, "queue")}, settles=SETTLING),
    "cancel_consumer": Command("cancel_consumer", lambda given: {"queue": _name(given, "queue")}, settles=SETTLING),
    "rate_limit": Command("rate_limit", _rate_limit),
    "time_limit": Command("time_limit", _time_limit),
    "shutdown": Command("shutdown", answers=False, lives=False),
    "ping": Command("ping", lives=False),
    "enable_events": Command("enable_events"),
    "disable_events": Command("disable_events"),
}


def command_of(action: str) -> Command:
    """Return the command of this name. Raises BadInput."""
    command = COMMANDS.get(action)
    if command is None:
        raise BadInput({"action": [_("The actions are %(names)s.") % {"names": ", ".join(COMMANDS)}]})
    return command


def checked(destination: Sequence[str]) -> list[str]:
    """Return the hostnames. Raises BadInput when there are none, one comes twice, or one is no hostname."""
    if not destination:
        raise BadInput({"destination": [_("Choose a worker: without one every worker would be reached.")]})
    if len(set(destination)) != len(destination):
        raise BadInput({"destination": [_("A worker is named twice.")]})
    if not all(map(gather.is_hostname, destination)):
        raise BadInput({"destination": [_("This is no hostname.")]})
    return list(destination)


def tell(
    action: str, destination: Sequence[str], given: Parameters, user: Any, *, submission: UUID | None = None
) -> Acted:
    """Tell these workers, and return what each answered.

    Raises BadInput with nothing asked, Repeated for a submission that has been told already, NotDone.
    """
    command = command_of(action)
    hosts = checked(destination)
    arguments = command.arguments(given)
    try:
        _check_circumstances(action, hosts, arguments)
    except BackendUnavailable as error:
        raise NotDone(str(error)) from error
    target = hosts[0] if len(hosts) == 1 else ", ".join(hosts)
    record = recorded(action, target, {**arguments, "destination": hosts}, user, submission)
    timeout = None if command.answers else NO_ANSWER
    return asked_of_workers(record, lambda: _told(command, arguments, hosts, timeout))


def _told(command: Command, arguments: dict[str, Any], hosts: Sequence[str], timeout: float | None) -> control.Replies:
    replies = control.broadcast(command.method, arguments, hosts, timeout=timeout)
    if not (command.lives and replies.answered):
        return replies
    sleep(command.settles)
    return control.with_signs_of_life(replies)


def _check_circumstances(action: str, hosts: Sequence[str], arguments: Mapping[str, Any]) -> None:
    """Raise BadInput for what is well-formed and would still do harm; BackendUnavailable when that cannot be known."""
    if action in POOL_ACTIONS:
        workers = conf.load("WORKER_BACKEND")().workers().workers
        check_pools(action, workers, hosts)
        if action == "pool_shrink":
            check_shrink(arguments["n"], workers, hosts)
    if action in ("add_consumer", "cancel_consumer"):
        _check_queue(arguments["queue"], begins=action == "add_consumer")


def _is_reserved(queue: str) -> bool:
    try:
        return reserved.is_reserved(queue)
    except BrokerUnavailable as error:
        raise BackendUnavailable(_("The broker does not answer, so nothing was asked.")) from error


def check_pools(action: str, known: Sequence[WorkerInfo], hosts: Sequence[str]) -> None:
    """Raise BadInput when the pool of one of the workers cannot do this."""
    for worker in known:
        if worker.hostname in hosts and (reason := pools.refusal(action, worker.pool)):
            raise BadInput({"action": [f"{clean(worker.hostname)}: {reason}"]})


def check_shrink(n: int, known: Sequence[WorkerInfo], hosts: Sequence[str]) -> None:
    """Raise BadInput when a worker would have no process left: it would look alive and run nothing."""
    for worker in known:
        if worker.hostname in hosts and worker.concurrency is not None and n >= worker.concurrency:
            said = _("%(worker)s has %(n)s: one at least has to stay.")
            raise BadInput({"n": [said % {"worker": clean(worker.hostname), "n": worker.concurrency}]})


def _check_queue(queue: str, *, begins: bool) -> None:
    if begins and _is_reserved(queue):
        raise BadInput({"queue": [_("Celery or the broker keeps this name for something else than tasks.")]})
    found, paused = paused_queues.queue(conf.load("QUEUE_BACKEND")(), queue)
    if found is None and not (begins and conf.celery_app.conf.task_create_missing_queues):
        raise BadInput({"queue": [_("Nobody knows a queue of this name.")]})
    if begins and paused is not None:
        raise BadInput({"queue": [_("This queue is paused: resume it first.")]})
