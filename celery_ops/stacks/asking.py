"""Asking workers where a task is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from .. import redaction
from ..backends.remote import gather, presence
from ..backends.remote.known_workers import is_hostname
from ..backends.remote.looks import Answers
from ..conf import conf
from ..exceptions import NoStack, NotRunning
from .worker import NO_LINE, NOT_RUNNING, SILENT, STACK

#: Characters of an id that workers are asked for.
LONGEST_ID: Final = 1000
#: Frames that are read of an answer.
MOST: Final = 100
#: Workers that are named, of those that did not answer.
NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; ``is_own`` says that it is the site's own code, not a library's. All texts are redacted."""

    file: str
    line: int
    function: str
    code: str
    is_own: bool

    def __str__(self) -> str:
        """As a traceback has it."""
        place = f'File "{self.file}", line {self.line}, in {self.function}'
        return f"{place}\n    {self.code}" if self.code else place


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a task was when its worker was asked: the outermost frame first, as in a traceback.

    ``name`` is the task's. ``left_out`` are frames of a deep recursion that are not among them.
    """

    hostname: str
    pid: int
    name: str
    frames: tuple[Frame, ...]
    left_out: int = 0


def stack_of(task_id: str, hostname: str | None = None) -> Stack:
    """Return where a task is now; ``hostname`` is the worker that is likely to run it.

    Each of two rounds takes ``CONTROL_TIMEOUT`` at most. Raises NotRunning; NoStack when the worker that runs it does
    not say where it is, or one that may run it does not answer; BrokerUnavailable.
    """
    if not task_id or len(task_id) > LONGEST_ID:
        raise NotRunning
    if hostname and is_hostname(hostname):
        answers = gather.ask(_question(task_id), [hostname])
        if stack := _stack_in(answers):
            return stack
        if silent := _silent(answers):
            raise NoStack(_unanswered(silent))
    presence.learn()
    answers = gather.ask(_question(task_id))
    if stack := _stack_in(answers):
        return stack
    if silent := _silent(answers):
        raise NoStack(_unanswered(silent))
    raise NotRunning


def _question(task_id: str) -> Mapping[str, Mapping[str, Any]]:
    return {STACK: {"task_id": task_id}}


def _silent(answers: Answers) -> list[str]:
    """Return who did not answer and may be there still."""
    if not answers.silent:
        return []
    departed = presence.departed_workers(answers.silent, presence.look())
    return [host for host in answers.silent if host not in departed]


def _unanswered(hostnames: list[str]) -> str:
    named = ", ".join(map(redacted, hostnames[:NAMED]))
    names = _("%(names)s and others") % {"names": named} if len(hostnames) > NAMED else named
    pools = {conf.load("WORKER_BACKEND")().pool_of(host) for host in hostnames[:NAMED]}
    if pools == {"solo"}:
        return _("%(names)s has a solo pool: it answers nothing while it runs a task.") % {"names": names}
    return _("No answer from %(names)s.") % {"names": names}


def _stack_in(answers: Answers) -> Stack | None:
    """Return what the one who runs it says. Raises NoStack when it does not say where."""
    reasons: list[str] = []
    for hostname, reply in sorted(answers.to(STACK).items()):
        if stack := _read(hostname, reply):
            return stack
        if reason := _reason(hostname, reply):
            reasons.append(reason)
    if reasons:
        raise NoStack(reasons[0])
    return None


def _reason(hostname: str, reply: Any) -> str:
    """Return why a worker does not say it, empty where it does not run the task."""
    why = reply.get("why") if isinstance(reply, dict) else None
    if why == NOT_RUNNING:
        return ""
    names = {"name": redacted(hostname)}
    if why == SILENT:
        return (
            _(
                "The process of %(name)s that runs it does not answer: it is stopped, or in C code that keeps Python's "
                "lock."
            )
            % names
        )
    if why == NO_LINE:
        return _("The process of %(name)s that runs it cannot be asked: it was not forked by its worker.") % names
    return _("%(name)s does not know the question: restart it with this version.") % names


def _read(hostname: str, reply: Any) -> Stack | None:
    """Return the stack in a reply, None where there is none: anybody may have sent it."""
    try:
        frames, left_out = reply["stack"]
        read = tuple(_frame(*frame) for frame in frames[:MOST])
        return Stack(hostname, int(reply["pid"]), str(reply["name"])[:LONGEST_ID], read, max(0, int(left_out)))
    except (TypeError, ValueError, KeyError, OverflowError):
        return None


def _frame(file: Any, line: Any, function: Any, code: Any, is_own: Any) -> Frame:
    return Frame(redacted(file), int(line), redacted(function), redacted(code), bool(is_own))


def redacted(text: Any) -> str:
    """Return a text of a reply as it may be shown."""
    return redaction.cut(redaction.capture_text(str(text)[:LONGEST_ID]).text, LONGEST_ID)
