"""``revoke``: ask every worker to drop tasks."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from ...acting import tasks
from ...acting.journal import Acted, NotDone
from ...permissions import REVOKE_TASK
from ...running.errors import BadInput
from . import people
from .asking import learnt
from .base import DONE, NO_ANSWER, USAGE, Answer, Refused, Subcommand, Terminal


class Revoke(Subcommand):
    examples = (
        "manage.py celery_ops revoke 8a5c3a10-3a3e-4a94-9f40-0f6d8f1d6a5e",
        "manage.py celery_ops revoke --terminate --signal INT 8a5c3a10-3a3e-4a94-9f40-0f6d8f1d6a5e",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("task_ids", nargs="+", metavar="ID", help="ids of tasks")
        parser.add_argument("--terminate", action="store_true", help="end the process that runs a task, too")
        parser.add_argument("--signal", choices=tasks.SIGNALS, default="TERM", help="what it is ended with")
        people.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        user = people.user_named(options["user"])
        for task_id in options["task_ids"]:
            people.check(user, REVOKE_TASK, task_id)
        learnt()
        try:
            acted = tasks.revoke(options["task_ids"], user, terminate=options["terminate"], signal=options["signal"])
        except BadInput as error:
            raise Refused(str(error), USAGE) from error
        except NotDone as error:
            raise Refused(str(error), NO_ANSWER if error.record else 1) from error
        return answer_of(acted)


def answer_of(acted: list[Acted]) -> Answer:
    """Return who was asked by all messages together, and how each worker answered."""
    whole = tasks.together(acted)
    lines = [whole.message, *(f"{host}: {reply}" for host, reply in whole.data["answered"].items())]
    lines += [f"{host}: no reply" for host in whole.data["silent"]]
    return Answer(whole.data, lines, DONE if whole.data["answered"] else NO_ANSWER)
