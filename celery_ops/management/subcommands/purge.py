"""``purge``: delete what waits in a queue."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from ...conf import conf
from ...control import paused_queues, queues
from ...formatting import clean, grouped
from ...permissions import MANAGE_QUEUES
from . import users
from .asking import SEARCH, learn_hosts
from .base import USAGE, Answer, CommandRefused, Subcommand, Terminal


class Purge(Subcommand):
    examples = ("manage.py celery_ops purge celery --yes",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", metavar="QUEUE", help="the queue's name")
        parser.add_argument("--yes", action="store_true", help="do it; without this nothing happens")
        users.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        queue, user = options["queue"], users.user_named(options["user"])
        users.check(user, MANAGE_QUEUES, queue)
        learn_hosts()
        waiting = _waiting(queue)
        if not options["yes"]:
            raise CommandRefused(_unconfirmed(queue, waiting))
        purged = queues.purge(queue, user)
        return Answer({"queue": queue, "purged": purged}, [_purged(queue, purged)])


def _unconfirmed(queue: str, waiting: int | None) -> str:
    if waiting is None:
        return _("this deletes what waits in %(queue)s: add --yes") % {"queue": queue}
    text = ngettext(
        "this deletes what waits in %(queue)s, %(n)s message now: add --yes",
        "this deletes what waits in %(queue)s, %(n)s messages now: add --yes",
        waiting,
    )
    return text % {"queue": queue, "n": grouped(waiting)}


def _purged(queue: str, purged: int) -> str:
    text = ngettext("%(n)s message deleted from %(queue)s", "%(n)s messages deleted from %(queue)s", purged)
    return text % {"queue": queue, "n": grouped(purged)}


def _waiting(queue: str) -> int | None:
    """Return how many messages wait, None when nobody says. Raises CommandRefused for a queue that nobody has."""
    backend = conf.load("QUEUE_BACKEND")()
    detail, _paused = paused_queues.queue(backend, queue, wait=SEARCH)
    if detail is None:
        names = ", ".join(sorted(clean(other.name) for other in backend.queues().queues)) or pgettext("queues", "none")
        raise CommandRefused(_("no queue %(name)r; there are %(names)s") % {"name": queue, "names": names}, USAGE)
    return detail.info.depth
