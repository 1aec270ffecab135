"""``logs``: what a task has logged, and with ``--follow`` what it logs from now on."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import states
from ...task_detail import task_detail
from ...task_detail.state import current_state
from ...task_logs.reading import LogLine, TaskLog, log_of
from ..tables import printable
from .base import Answer, CommandRefused, Subcommand, Terminal

#: Seconds between two questions while a task is followed.
FOLLOW_EVERY: Final = 0.5
#: What stands before the second line of a message, and every one after it.
INDENT: Final = "    "


class Logs(Subcommand):
    examples = (
        "manage.py celery_ops logs 8b8a8ef9-5f3c-4d0a-9f5c-2a1f0a2b3c4d",
        "manage.py celery_ops logs 8b8a8ef9-5f3c-4d0a-9f5c-2a1f0a2b3c4d --follow",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("task_id", metavar="TASK_ID", help="the id of a task")
        parser.add_argument(
            "--follow", action="store_true", help="go on until the task has ended, or its worker is gone"
        )

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        log = log_of(options["task_id"])
        if not log.lines:
            check_known(options["task_id"])
        if options["follow"]:
            as_json = options["format"] == "json"
            return Answer({}, stream=_followed(options["task_id"], log, as_json=as_json))
        return Answer(_document(log), [*_lines(log)] or [_("No line of this task is kept.")])


def check_known(task_id: str) -> None:
    """Raise CommandRefused for an id that no source knows, which would be followed for ever."""
    detail = task_detail(task_id)
    if detail.is_unknown and not detail.troubles:
        raise CommandRefused(_("No source knows a task of this id."))


def _followed(task_id: str, log: TaskLog, *, as_json: bool) -> Iterator[str]:
    """Yield lines as they come, until the task has ended, its worker is gone or somebody has seen enough."""
    try:
        last = ""
        state = ""
        while True:
            yield from map(_in_json, log.lines) if as_json else _lines(log, last)
            for attempt in log.attempts:
                if attempt.lines:
                    last = attempt.key
            if state == states.LOST and not as_json:
                yield "-- " + _("its worker is gone")
            if is_over(state):
                return
            state = current_state(task_id)  # what it logged last may have come since it was asked for lines
            if not is_over(state):
                time.sleep(FOLLOW_EVERY)
            log = log_of(task_id, {attempt.key: attempt.seen for attempt in log.attempts})
    except KeyboardInterrupt:
        return


def is_over(state: str) -> bool:
    """Return whether no line is to come of a task in this state, unless its message is delivered again."""
    return states.is_final(state) or state == states.LOST


def _lines(log: TaskLog, last: str = "") -> Iterator[str]:
    """Yield the lines; ``last`` is the key of the execution whose lines stand before them."""
    for attempt in log.attempts:
        if attempt.lines and attempt.key != last and len(log.attempts) > 1:
            yield "-- " + _("attempt %(number)s") % {"number": attempt.attempt}
        for line in attempt.lines:
            if line.left_out:
                yield "-- " + _not_kept(line.left_out)
            yield from _words(line)


def _not_kept(number: int) -> str:
    return ngettext("%(n)s line was not kept", "%(n)s lines were not kept", number) % {"n": number}


def _words(line: LogLine) -> Iterable[str]:
    first, *others = line.message.split("\n")
    at = f"{line.at:%Y-%m-%d %H:%M:%S}.{line.at.microsecond // 1000:03}Z" if line.at else "?"
    yield printable(f"{at} {line.level} {line.logger}: {first}".expandtabs())
    yield from (INDENT + printable(other.expandtabs()) for other in others)


def _document(log: TaskLog) -> dict[str, Any]:
    from ...views.api.logs import log_document  # pages are dear to import

    return log_document(log)


def _in_json(line: LogLine) -> str:
    from ...views.api.logs import line_item

    return json.dumps(line_item(line), sort_keys=True)
