"""``control``: tell workers to do something, as their pages do."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...control import workers
from ...control.commands import COMMANDS, ShutdownWorker
from ...permissions import CONTROL_WORKERS
from . import users
from .asking import check_hosts, known_hosts
from .base import FAILED, Answer, Subcommand, Terminal
from .revoke import answer_of

#: Ending a worker has a command of its own, with ``--yes``.
ACTIONS: Final = tuple(name for name in COMMANDS if name != ShutdownWorker.name)


def fields() -> Iterator[tuple[str, str]]:
    """Yield the name of each field that an action has, and what it is for."""
    takers: dict[str, list[str]] = {}
    for action in ACTIONS:
        for name in COMMANDS[action].base_fields:
            takers.setdefault(name, []).append(action)
    for name, actions in takers.items():
        field = COMMANDS[actions[0]].base_fields[name]
        yield name, f"{', '.join(actions)}: {', '.join(map(str, filter(None, (field.label, field.help_text))))}"


class Control(Subcommand):
    examples = (
        "manage.py celery_ops control ping celery@web-1 celery@web-2",
        "manage.py celery_ops control pool_grow celery@web-1 --n 2",
        "manage.py celery_ops control rate_limit celery@web-1 --task-name shop.tasks.mail --rate-limit 10/m",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
        parser.add_argument("hostnames", nargs="+", metavar="HOST", help="hostnames of workers")
        for name, purpose in fields():
            parser.add_argument(f"--{name.replace('_', '-')}", metavar=name.upper(), help=purpose)
        users.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        user = commander(options)
        acted = workers.tell(COMMANDS[options["action"]](options, targets=options["hostnames"]), user)
        answer = answer_of([acted])
        return Answer(answer.data, answer.lines, FAILED if acted.refusals and not answer.code else answer.code)


def commander(options: Mapping[str, Any]) -> Any:
    """Return who tells the workers of ``options``, None for nobody. Raises Refused where that is not possible."""
    user = users.user_named(options["user"])
    for hostname in options["hostnames"]:
        users.check(user, CONTROL_WORKERS, hostname)
    check_hosts(options["hostnames"], known_hosts())
    return user
