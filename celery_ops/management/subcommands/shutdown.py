"""``shutdown``: have workers finish what they do, and end."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from ...control import workers
from ...control.journal import NotDone
from ...permissions import CONTROL_WORKERS
from ...running.errors import BadInput
from . import people
from .asking import check_hosts, known_hosts
from .base import FAILED, NO_ANSWER, USAGE, Answer, Refused, Subcommand, Terminal


class Shutdown(Subcommand):
    examples = ("manage.py celery_ops shutdown celery@web-3 --yes",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("hostnames", nargs="+", metavar="HOST", help="hostnames of workers")
        parser.add_argument("--yes", action="store_true", help="do it; without this nothing happens")
        people.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        user = people.user_named(options["user"])
        for hostname in options["hostnames"]:
            people.check(user, CONTROL_WORKERS, hostname)
        check_hosts(options["hostnames"], known_hosts())
        if not options["yes"]:
            raise Refused(f"this ends {', '.join(options['hostnames'])}: add --yes")
        try:
            acted = workers.tell("shutdown", options["hostnames"], {}, user)
        except BadInput as error:
            raise Refused(str(error), USAGE) from error
        except NotDone as error:
            raise Refused(str(error), NO_ANSWER if error.record else FAILED) from error
        number = len(acted.replies.asked)
        return Answer(acted.data, [f"Asked {number} to end. A worker that ends does not answer."])
