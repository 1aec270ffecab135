"""``failures``: the groups of failures that nobody has resolved, for terminals."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...exceptions import BackendUnavailable
from ...failures.group import RESOLVED, Group
from ...failures.listing import listed
from ...formatting import clean
from ...metrics.windows import DEFAULT, WINDOWS
from ..tables import table
from .base import NO_ANSWER, Answer, CommandRefused, Subcommand, Terminal

HEADS: Final = ("KEY", "COUNT", "LAST SEEN", "STATE", "FAILURE", "IN", "TASKS")
#: Characters of a message that a line has.
LONGEST: Final = 60


class Failures(Subcommand):
    examples = ("manage.py celery_ops failures", "manage.py celery_ops failures --window 7d --format json")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--window", choices=[*WINDOWS], default=DEFAULT, help="how far back (default: %(default)s)")

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        from ...views.api.serializers import failure_item

        try:
            listing = listed(WINDOWS[options["window"]])
        except BackendUnavailable as error:
            raise CommandRefused(str(error), NO_ANSWER) from error
        groups = listing.completed([group for group in listing.groups.groups if group.state != RESOLVED])
        lines = [*table(HEADS, map(_line, groups))] if groups else [_("No failure that is not resolved.")]
        if listing.groups.other:
            text = ngettext(
                "%(n)s more failure is in no group of its own.",
                "%(n)s more failures are in no group of their own.",
                listing.groups.other,
            )
            lines.append(text % {"n": listing.groups.other})
        if listing.groups.limit:
            lines.append(_("Of the newest %(n)s failures that the task list has.") % {"n": listing.groups.limit})
        if listing.trouble:
            lines.append(listing.trouble)
        return Answer({"results": [failure_item(group, _all) for group in groups]}, lines)


def _all(task_name: str | None) -> bool:
    """Whoever has a shell may see what the pages show."""
    return True


def _line(group: Group) -> tuple[Any, ...]:
    error = ": ".join(filter(None, (clean(group.exception), clean(group.message, LONGEST))))
    seen = group.last_seen.isoformat(" ", "seconds") if group.last_seen else ""
    tasks = ", ".join(map(clean, group.tasks or (group.task,)))
    return group.key, group.count, seen, group.state, error, clean(group.frame), tasks
