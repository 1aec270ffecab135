"""``control``: tell workers to do something, as their pages do."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...control import workers
from ...control.journal import NotDone
from ...permissions import CONTROL_WORKERS
from ...running.errors import BadInput
from . import people
from .asking import check_hosts, known_hosts
from .base import FAILED, NO_ANSWER, USAGE, Answer, Refused, Subcommand, Terminal
from .revoke import answer_of

#: What an action takes, by option.
OPTIONS: Final[Mapping[str, str]] = {
    "n": "processes to grow or shrink by",
    "min": "autoscale: processes at least",
    "max": "autoscale: processes at most",
    "queue": "the queue to consume or not to",
    "task-name": "the task to limit",
    "rate-limit": "such as 10/m; 0 for none",
    "soft": "soft time limit in seconds",
    "hard": "hard time limit in seconds",
}
#: Ending a worker has a command of its own, with ``--yes``.
ACTIONS: Final = tuple(name for name in workers.COMMANDS if name != "shutdown")


class Control(Subcommand):
    examples = (
        "manage.py celery_ops control ping celery@web-1 celery@web-2",
        "manage.py celery_ops control pool_grow celery@web-1 --n 2",
        "manage.py celery_ops control rate_limit celery@web-1 --task-name shop.tasks.mail --rate-limit 10/m",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
        parser.add_argument("hostnames", nargs="+", metavar="HOST", help="hostnames of workers")
        for name, said in OPTIONS.items():
            parser.add_argument(f"--{name}", metavar=name.upper().replace("-", "_"), help=said)
        people.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        user = people.user_named(options["user"])
        for hostname in options["hostnames"]:
            people.check(user, CONTROL_WORKERS, hostname)
        check_hosts(options["hostnames"], known_hosts())
        given = {name.replace("-", "_"): options[name.replace("-", "_")] or "" for name in OPTIONS}
        try:
            acted = workers.tell(options["action"], options["hostnames"], given, user)
        except BadInput as error:
            raise Refused(str(error), USAGE) from error
        except NotDone as error:
            raise Refused(str(error), NO_ANSWER if error.record else FAILED) from error
        answer = answer_of([acted])
        return Answer(answer.data, answer.lines, FAILED if acted.refusals and not answer.code else answer.code)
