"""``shutdown``: have workers finish what they do, and end."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...control import commands, workers
from . import users
from .base import Answer, CommandRefused, Subcommand, Terminal
from .control import commander


class Shutdown(Subcommand):
    examples = ("manage.py celery_ops shutdown celery@web-3 --yes",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("hostnames", nargs="+", metavar="HOST", help="hostnames of workers")
        parser.add_argument("--yes", action="store_true", help="do it; without this nothing happens")
        users.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        user = commander(options)
        if not options["yes"]:
            text = _("this ends %(names)s: add --yes")
            raise CommandRefused(text % {"names": ", ".join(options["hostnames"])})
        acted = workers.tell(commands.ShutdownWorker.confirmed(options["hostnames"]), user)
        number = len(acted.replies.asked)
        text = ngettext(
            "Asked %(n)s worker to end. A worker that ends does not answer.",
            "Asked %(n)s workers to end. A worker that ends does not answer.",
            number,
        )
        return Answer(acted.data, [text % {"n": number}])
