"""``revoke``: ask every worker to drop tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ... import states
from ...backends.remote import snapshot
from ...bulk import revoke as bulk_revoke
from ...control import revoke
from ...control.journal import Acted
from ...formatting import clean
from ...permissions import REVOKE_TASK
from ...task_detail import TaskDetail, task_detail
from . import in_bulk, users
from .asking import learn_hosts
from .base import DONE, FAILED, NO_ANSWER, Answer, CommandRefused, Subcommand, Terminal

#: Ids of which every source is asked whether there is such a task; of more, nobody is.
MOST_LOOKED_UP: Final = 50


class Revoke(Subcommand):
    examples = (
        "manage.py celery_ops revoke 8a5c3a10-3a3e-4a94-9f40-0f6d8f1d6a5e",
        "manage.py celery_ops revoke --terminate --signal INT 8a5c3a10-3a3e-4a94-9f40-0f6d8f1d6a5e",
        "manage.py celery_ops revoke --filter 'state=PENDING&name=shop.tasks.newsletter' --yes",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        in_bulk.add_arguments(parser)
        parser.add_argument("--terminate", action="store_true", help="stop the process that runs a task, too")
        parser.add_argument("--signal", choices=revoke.SIGNALS, default="TERM", help="what it is stopped with")
        parser.add_argument("--unknown", action="store_true", help="ask for ids that no source knows, too")
        users.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        if in_bulk.is_meant(options):
            return _in_bulk(options, terminal)
        user = users.user_named(options["user"])
        ids = list(dict.fromkeys(options["task_ids"]))
        for task_id in ids:
            users.check(user, REVOKE_TASK, task_id)
        revoke.check(ids, options["signal"])
        learn_hosts()
        details = _details(ids)
        unknown = [] if options["unknown"] else [task_id for task_id in ids if _is_unknown(details.get(task_id))]
        over = {task_id: detail.task.state for task_id, detail in details.items() if _is_over(detail)}
        going = [task_id for task_id in ids if task_id not in unknown and task_id not in over]
        acted = _revoke(going, details, user, options) if going else []
        if not acted and not over:
            text = _("no source knows a task %(task_id)r: nothing was asked (--unknown asks)")
            raise CommandRefused(text % {"task_id": clean(unknown[0], 200)})
        return answer_of(acted, over, unknown)


def _in_bulk(options: Mapping[str, Any], terminal: Terminal) -> Answer:
    """Of what nobody heard the code is the same as of single ids: it is kept for workers that start later."""
    rows: list[Any] = []
    ending = {"terminate": options["terminate"], "signal": options["signal"]}
    answer = in_bulk.run(bulk_revoke.RevokeAction(), REVOKE_TASK, options, terminal, begun=rows.append, **ending)
    if answer.code != DONE or not answer.data.get("done") or any(_answered(rows[0])):
        return answer
    return replace(answer, code=NO_ANSWER, lines=[*answer.lines, _("no worker is up: nobody has heard of it yet")])


def _answered(record: Any) -> list[int]:
    return [answered for _sent, answered in bulk_revoke.answers_of(record).values()]


def _details(ids: Sequence[str]) -> dict[str, TaskDetail]:
    if len(ids) > MOST_LOOKED_UP:
        return {}
    details = {task_id: task_detail(task_id, ask_workers=False) for task_id in ids}
    if missing := [task_id for task_id, detail in details.items() if not detail.is_known]:
        snapshot.expire()  # a worker may have fetched it a moment ago
        details |= {task_id: task_detail(task_id) for task_id in missing}
    return details


def _is_unknown(detail: TaskDetail | None) -> bool:
    """Whether every source was asked, and none knows the task."""
    return detail is not None and detail.is_unknown and not detail.troubles


def _is_over(detail: TaskDetail) -> bool:
    return detail.is_known and states.is_final(detail.task.state)


def _revoke(
    ids: Sequence[str], details: Mapping[str, TaskDetail], user: Any, options: Mapping[str, Any]
) -> list[Acted]:
    tasks = {task_id: details[task_id].task for task_id in ids if task_id in details}
    places = {task_id: details[task_id].refs for task_id in tasks if details[task_id].refs}
    without_place = [task_id for task_id in ids if task_id not in places]
    others = {task_id: tasks[task_id].seen_at if task_id in tasks else None for task_id in without_place}
    return revoke.revoke(
        ids,
        user,
        terminate=options["terminate"],
        signal=options["signal"],
        places={**bulk_revoke.places_of(others), **places},
        task_name=clean(tasks[ids[0]].name, 250) if len(ids) == 1 and ids[0] in tasks else "",
    )


def answer_of(acted: list[Acted], over: Mapping[str, str] | None = None, unknown: Sequence[str] = ()) -> Answer:
    """Return who was asked by all messages together, how each worker answered, and which ids nobody was asked for."""
    ended = (over or {}).items()
    left_out = [
        _("%(task_id)s: it has ended already, %(state)s") % {"task_id": clean(task_id, 200), "state": clean(state)}
        for task_id, state in ended
    ]
    left_out += [
        _("%(task_id)s: no source knows this task, nothing was asked") % {"task_id": clean(task_id, 200)}
        for task_id in unknown
    ]
    if not acted:
        return Answer({"asked": [], "answered": {}, "silent": []}, left_out, FAILED if unknown else DONE)
    whole = revoke.combined(acted)
    lines = [whole.message, *(f"{host}: {reply}" for host, reply in whole.data["answered"].items())]
    lines += [_("%(host)s: no reply") % {"host": host} for host in whole.data["silent"]]
    if not whole.data["answered"]:
        return Answer(whole.data, [*lines, *left_out], NO_ANSWER)
    return Answer(whole.data, [*lines, *left_out], FAILED if unknown else DONE)
