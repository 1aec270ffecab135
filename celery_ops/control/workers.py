"""Telling workers: to whom a command goes, and what came of it."""

from collections.abc import Sequence
from time import sleep
from typing import Any, Final
from uuid import UUID

from ..backends import control
from ..backends.remote.known_workers import is_hostname
from ..exceptions import BackendUnavailable, BadInput, NotDone
from ..sentences import Sentence as _
from .commands import WorkerCommand
from .journal import Acted, ask_workers, write_record

#: Seconds that are waited for those who do not answer: a worker that ends says nothing.
NO_ANSWER: Final = 0.01


def checked(destination: Sequence[str]) -> list[str]:
    """Return the hostnames. Raises BadInput when there are none, one comes twice, or one is no hostname."""
    if not destination:
        raise BadInput({"destination": [_("Choose a worker: without one every worker would be reached.")]})
    if len(set(destination)) != len(destination):
        raise BadInput({"destination": [_("A worker is named twice.")]})
    if not all(map(is_hostname, destination)):
        raise BadInput({"destination": [_("This is no hostname.")]})
    return list(destination)


def tell(command: WorkerCommand, user: Any, *, submission: UUID | None = None) -> Acted:
    """Tell the workers that a command is for, and return what each answered.

    Raises BadInput with nothing asked, Repeated for a submission that has been told already, NotDone.
    """
    hosts = checked(command.targets)
    arguments = command.arguments()
    try:
        command.check_circumstances()
    except BackendUnavailable as error:
        raise NotDone(str(error)) from error
    record = write_record(command.name, ", ".join(hosts), {**arguments, "destination": hosts}, user, submission)
    return ask_workers(record, lambda: _tell(command, arguments, hosts))


def _tell(command: WorkerCommand, arguments: dict[str, Any], hosts: Sequence[str]) -> control.Replies:
    timeout = None if command.answers else NO_ANSWER
    payload = {**arguments, **command.besides()}
    replies = control.broadcast(command.own_name or command.name, payload, hosts, timeout=timeout)
    if not (command.lives and replies.answered):
        return replies
    sleep(command.settles)
    return control.with_signs_of_life(replies)
