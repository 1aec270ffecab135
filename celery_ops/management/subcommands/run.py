"""``run``: send one task, as the pages do."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ... import states
from ...exceptions import BadInput, NotSent
from ...formatting import clean
from ...permissions import RUN_TASK, VIEW_PAYLOAD, allows
from ..tables import printable
from . import users
from .asking import learn_hosts, seconds
from .base import DONE, FAILED, NO_ANSWER, Answer, CommandRefused, Subcommand, Terminal

#: Seconds between two looks at a task that is waited for: short at first.
PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0


class RunTask(Subcommand):
    examples = (
        "manage.py celery_ops run shop.tasks.reindex",
        "manage.py celery_ops run shop.tasks.charge --args '[42]' --kwargs '{\"dry\": true}' --user ada --wait 30",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("name", metavar="NAME", help="the task's whole name")
        add("--args", dest="positional", metavar="JSON", default="[]", help="a JSON list")
        add("--kwargs", dest="named", metavar="JSON", default="{}", help="a JSON object")
        add("--wait", type=seconds, metavar="S", help="wait for its end; exit with 3 when it takes longer")
        users.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        user = users.user_named(options["user"])
        record = _send(options, user)
        detail = None if options["wait"] is None else _wait_for_end(record, options["wait"])
        return _answer(record, detail, shows_payload=user is None or allows(user, VIEW_PAYLOAD, record.task_name))


def _send(options: Mapping[str, Any], user: Any) -> Any:
    """Send the task and return its row. Raises CommandRefused and BackendUnavailable."""
    from ... import catalog  # forms are dear to import, and a hook that prunes has no use for them
    from ...forms.json_arguments import carried_arguments
    from ...running.kinds.limits import load
    from ...running.launcher import Run as Asked
    from ...running.launcher import launch

    name = options["name"]
    learn_hosts()
    runnable = catalog.find(name)
    if runnable is None:
        text = _("%(name)s may not be run: RUNNABLE_TASKS does not name it, or nobody knows it")
        raise CommandRefused(text % {"name": clean(name, 100)})
    users.check(user, RUN_TASK, name)
    try:
        args, kwargs = carried_arguments(runnable, user, load(options["positional"]), load(options["named"]))
        return launch(Asked(runnable.name, runnable.task, args, kwargs), user)
    except BadInput as error:
        raise CommandRefused(_one_line(error)) from error
    except NotSent as error:
        raise CommandRefused(str(error)) from error


def _one_line(error: Any) -> str:
    """Return all that is wrong with arguments, in one line."""
    parts = (
        f"{'' if name == '__all__' else f'{clean(name, 100)}: '}{' '.join(map(str, messages))}"
        for name, messages in error.errors.items()
    )
    return printable(clean(" ".join(parts)))


def _wait_for_end(record: Any, wait: float) -> Any:
    """Return what is known of the task when it has ended, or after ``wait`` seconds."""
    from ...task_detail import task_detail
    from ...task_detail.many_states import states_of

    until, pause = time.monotonic() + wait, PAUSE
    while True:
        state = states_of({record.task_id: record.created_at}).found[record.task_id]
        left = until - time.monotonic()
        if states.is_final(state or "") or left <= 0:
            return task_detail(record.task_id)
        time.sleep(min(pause, left))
        pause = min(LONGEST_PAUSE, pause * 1.5)


def _answer(record: Any, detail: Any, *, shows_payload: bool) -> Answer:
    """Say what was sent, and what came of it where somebody waited."""
    from ...views.api.serializers import run_item

    data = {"task_id": record.task_id, "record": record.pk, "state": states.PENDING, "result": None}
    sent = _("%(name)s was sent as %(task_id)s") % {"name": record.task_name, "task_id": record.task_id}
    if detail is None:
        return Answer(data, [sent])
    item = run_item(detail, record, shows_payload=shows_payload)
    state = item["state"]
    data |= {"state": state, "result": item["error"] if state == states.FAILURE else item.get("result")}
    if not states.is_final(state):
        return Answer(data, [sent, _("It has not ended in time: %(state)s.") % {"state": state}], NO_ANSWER)
    came = json.dumps(data["result"], sort_keys=True)
    return Answer(data, [sent, f"{state} {came}"], DONE if state == states.SUCCESS else FAILED)
