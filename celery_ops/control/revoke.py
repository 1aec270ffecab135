"""Revoking tasks: asked of every worker, a thousand ids a message, or by the headers that they were stamped with."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid5

from django.utils.translation import gettext as _

from ..backends import control
from ..backends.control import Replies
from ..exceptions import BadInput
from ..tracking import revoke_requests
from ..tracking.refs import ObjectRef
from .journal import Acted, ask_workers, in_no_language, tasks_in_words, write_record
from .standing import REVOKE, REVOKE_BY_STAMPS

#: Ids that one message carries at most, and stamps of one header.
MOST_IDS: Final = 1000
LONGEST_ID: Final = 255
#: Seconds that workers have for a message after one of them was silent, and where nobody is known to be up.
SHORT: Final = 0.1
SHORTEST: Final = 0.01
#: What a process of a pool may be ended with: SIGSTOP would freeze it for good.
SIGNALS: Final = ("TERM", "INT", "KILL")
#: Kinds of pools that cannot end a task that runs.
CANNOT_STOP: Final = ("solo", "thread")

#: The objects whose pages are to show that it was asked, by the tasks' ids.
Places = Mapping[str, Sequence[ObjectRef]]


def cannot_stop(pool: str | None) -> str:
    """Return why a pool cannot end a task that runs, empty when it can."""
    return _("Its pool cannot end a task that runs: it runs to its end.") if pool in CANNOT_STOP else ""


def revoke(
    task_ids: Sequence[str],
    user: Any,
    *,
    terminate: bool = False,
    signal: str = "TERM",
    places: Places | None = None,
    task_name: str = "",
    submission: UUID | None = None,
    bulk: int | None = None,
    timeout: float | None = None,
) -> list[Acted]:
    """Ask every worker to drop these tasks, and with ``terminate`` to end the process that runs one.

    ``bulk`` is the row of the bulk that this is a part of, ``timeout`` how long answers to the first message are waited
    for when not for ``CONTROL_TIMEOUT``. Returns what each message came to. Raises BadInput, NotDone when the journal
    or the broker is away, and Repeated for a ``submission`` that came before.
    """
    ids = list(dict.fromkeys(task_ids))
    check(ids, signal)
    more: dict[str, Any] = {}
    if task_name:
        more["task_name"] = task_name
    if bulk is not None:
        more["bulk"] = bulk
    acted = []
    for number, chunk in enumerate(_chunks(ids)):
        parameters = {**_ending(terminate, signal), "task_ids": chunk, **more}
        key = submission and uuid5(submission, str(number))
        record = write_record(REVOKE, _target(chunk), parameters, user, key)
        revoke_requests.note_revokes_requested({task_id: (places or {}).get(task_id, ()) for task_id in chunk})
        ids_sent = chunk[0] if len(chunk) == 1 else chunk
        ask = partial(control.revoke, ids_sent, terminate=terminate, signal=signal, timeout=timeout)
        acted.append(ask_workers(record, ask))
        timeout = patience_after(acted[-1], timeout)
    return acted


def patience_after(acted: Acted, timeout: float | None) -> float | None:
    """Return how long to wait for answers to the next message: who was silent once is not waited for as long again."""
    if not acted.replies.asked:
        return SHORTEST
    return SHORT if acted.replies.silent else timeout


def revoke_stamped(
    header: str,
    stamps: Sequence[str],
    user: Any,
    *,
    terminate: bool = False,
    signal: str = "TERM",
    submission: UUID | None = None,
) -> Acted:
    """Ask every worker to drop the tasks that carry one of these stamps in ``header``.

    Raises BadInput, Repeated and NotDone.
    """
    values = list(dict.fromkeys(stamps))
    if not is_id(header):
        raise BadInput({"header": [_("Enter the name of a header.")]})
    if not 0 < len(values) <= MOST_IDS or not all(map(is_id, values)):
        raise BadInput({"stamps": [_("Enter stamps, one a line, %(most)s at most.") % {"most": MOST_IDS}]})
    check_signal(signal)
    arguments = {"headers": {header: values}, **_ending(terminate, signal)}
    record = write_record(REVOKE_BY_STAMPS, header, arguments, user, submission)
    return ask_workers(record, lambda: control.broadcast(REVOKE_BY_STAMPS, arguments))


def combined(acted: Sequence[Acted]) -> Acted:
    """Return what several messages came to as one: whoever left one of them unanswered is silent."""
    asked: set[str] = set()
    silent: set[str] = set()
    answered: dict[str, Any] = {}
    for part in acted:
        asked.update(part.replies.asked)
        silent.update(part.replies.silent)
        answered |= part.replies.answered
    answered = {host: reply for host, reply in answered.items() if host not in silent}
    return Acted(acted[0].record, Replies(tuple(sorted(asked)), answered))


def check(ids: Sequence[str], signal: str) -> None:
    """Raise BadInput for what is no id, and for a signal that no task is ended with."""
    if not ids:
        raise BadInput({"task_id": [_("Name a task.")]})
    if not all(map(is_id, ids)):
        raise BadInput({"task_id": [_("This is no task id.")]})
    check_signal(signal)


def check_signal(signal: str) -> None:
    if signal not in SIGNALS:
        raise BadInput({"signal": [_("The signals are %(names)s.") % {"names": ", ".join(SIGNALS)}]})


def is_id(text: Any) -> bool:
    """Return whether this may be the id of a task."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST_ID and text.isprintable()


def _ending(terminate: bool, signal: str) -> dict[str, Any]:
    return {"terminate": terminate, "signal": signal if terminate else None}


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for begin in range(0, len(ids), MOST_IDS):
        yield ids[begin : begin + MOST_IDS]


def _target(ids: Sequence[str]) -> str:
    if len(ids) == 1:
        return ids[0]
    with in_no_language():
        return tasks_in_words(len(ids))
