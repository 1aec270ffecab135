"""``retry --filter`` and ``revoke --filter``: one action on all tasks that a list's query string finds."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...exceptions import StoreUnavailable
from ...formatting import clean, grouped
from ...models import ControlRecord
from ...permissions import VIEW_OPS
from ..tables import printable
from . import users
from .asking import learn_hosts
from .base import DONE, FAILED, USAGE, Answer, CommandRefused, Terminal, positive

#: Given instead of ids.
FILTER: Final = "filter"
RESUME: Final = "resume"


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("task_ids", nargs="*", metavar="ID", help="ids of tasks")
    parser.add_argument("--filter", metavar="QUERY", help="instead of ids: a task list's query string, as in its URL")
    parser.add_argument("--resume", metavar="RECORD", type=positive, help="go on with what --filter began")
    parser.add_argument("--dry-run", action="store_true", help="with --filter: say how many there are")
    parser.add_argument("--yes", action="store_true", help="with --filter: do it; without this nothing happens")


def is_meant(options: Mapping[str, Any]) -> bool:
    """Return whether it is a filter and not ids. Raises CommandRefused for several of them, and for none."""
    ways = [options["task_ids"] or None, options[FILTER], options[RESUME]]
    if sum(way is not None for way in ways) != 1:
        text = _("name ids of tasks, or a list's query string by --filter, or a record by --resume")
        raise CommandRefused(text, USAGE)
    if (options["dry_run"] or options["yes"]) and options["task_ids"]:
        raise CommandRefused(_("--dry-run and --yes are for --filter"), USAGE)
    return not options["task_ids"]


def run(
    action: Any,
    permission: str,
    options: Mapping[str, Any],
    terminal: Terminal,
    *,
    begun: Callable[[Any], None] = lambda record: None,
    **chosen: Any,
) -> Answer:
    """Do ``action`` to all of a list, or say how many that would be. ``begun`` is told of the row.

    Raises what ``Subcommand.run`` does.
    """
    from ...filters.bulk import FilteredBulk  # dear to import, and a hook that prunes has no use for it

    learn_hosts()
    try:
        if options[RESUME] is not None:
            record = _record(action, options)
            user = _starter(record, options)
            _check(user, VIEW_OPS, permission)
            begun(record)
            return _done(FilteredBulk.going_on(action, record, user), record, terminal)
        user = users.user_named(options["user"])
        _check(user, VIEW_OPS, permission)
        bulk = FilteredBulk.of(action, options[FILTER], user)
        preview = bulk.preview()
        if options["dry_run"] or not options["yes"]:
            return _foreseen(preview, options)
        record = bulk.begin(preview, **chosen)
        begun(record)
        return _done(bulk, record, terminal)
    except StoreUnavailable as error:
        raise CommandRefused(_("the tracking store does not answer")) from error


def _check(user: Any, *actions: str) -> None:
    for action in actions:
        users.check(user, action)


def _record(action: Any, options: Mapping[str, Any]) -> Any:
    from ...bulk.base import TARGET

    record = ControlRecord.objects.filter(pk=options[RESUME], action=action.name, target=TARGET).first()
    if record is None:
        text = _("the journal has no %(action)s of a whole list with the number %(number)s")
        raise CommandRefused(text % {"action": action.name, "number": options[RESUME]}, USAGE)
    return record


def _starter(record: Any, options: Mapping[str, Any]) -> Any:
    """Return who began it, None for the site itself: it goes on under the same name and the same permissions."""
    user = record.user
    if user is None and record.username:
        raise CommandRefused(_("%(user)s, who began it, is no user any more") % {"user": clean(record.username)})
    if options["user"] is not None and not (user is not None and user.get_username() == options["user"]):
        raise CommandRefused(_("it was not begun by %(user)s") % {"user": clean(options["user"])})
    return user


def _foreseen(preview: Any, options: Mapping[str, Any]) -> Answer:
    counted = {
        "dry_run": True,
        "count": preview.count,
        "most": preview.most,
        "is_partial": preview.is_partial,
        "names": {tasks.name: tasks.count for tasks in preview.names},
        "left_out": dict(preview.left_out),
    }
    lines = [_matching(preview)]
    for tasks in preview.names:
        name = tasks.name or _("without a name")
        lines.append(f"  {name}: {grouped(tasks.count)}{_reason(tasks.reason or tasks.warning)}")
    lines += [_left_out(count, reason) for reason, count in preview.left_out.items()]
    if not options["yes"]:
        lines.append(_("nothing was sent: add --yes"))
    return Answer(counted, [printable(line) for line in lines])


def _matching(preview: Any) -> str:
    if preview.is_partial:
        text = ngettext(
            "more than %(n)s task matches, %(most)s would be taken",
            "more than %(n)s tasks match, %(most)s of them would be taken",
            preview.count,
        )
    else:
        text = ngettext(
            "%(n)s task matches, %(most)s would be taken",
            "%(n)s tasks match, %(most)s of them would be taken",
            preview.count,
        )
    return text % {"n": grouped(preview.count), "most": grouped(preview.most)}


def _left_out(count: int, reason: str) -> str:
    text = _("left out: %(n)s (%(reason)s)") if reason else _("left out: %(n)s")
    return "  " + text % {"n": grouped(count), "reason": reason}


def _reason(text: str) -> str:
    return f" ({text})" if text else ""


def _done(bulk: Any, record: Any, terminal: Terminal) -> Answer:
    from ...bulk.base import progress_of, stop

    way_on = _("Go on with --resume %(record)s.") % {"record": record.pk}
    handled = progress_of(record).handled
    length = int(record.parameters.get("count") or 0) or None
    try:
        with terminal.progress(_("record %(record)s") % {"record": record.pk}, length) as advance:
            for progress in bulk.steps(record):
                advance(progress.handled - handled)
                handled = progress.handled
    except KeyboardInterrupt:
        handled = stop(record).handled
        text = ngettext("Interrupted after %(n)s task.", "Interrupted after %(n)s tasks.", handled)
        raise CommandRefused(f"{text % {'n': grouped(handled)}} {way_on}") from None
    return _answer(record, progress, way_on)


def _answer(record: Any, progress: Any, way_on: str) -> Answer:
    from ...bulk.progress import DONE as OVER

    tally = progress.tally
    result = {
        "dry_run": False,
        "record": record.pk,
        "state": progress.state,
        "done": tally.done,
        "left_out": {reason: skipped.count for reason, skipped in tally.skipped.items()},
        "sent": [list(pair) for pair in tally.sent],
        "trouble": progress.trouble,
    }
    text = ngettext(
        "%(n)s task done, %(left_out)s left out, record %(record)s",
        "%(n)s tasks done, %(left_out)s left out, record %(record)s",
        tally.done,
    )
    lines = [text % {"n": grouped(tally.done), "left_out": grouped(tally.left_out), "record": record.pk}]
    lines += [_left_out(skipped.count, reason) for reason, skipped in tally.skipped.items()]
    code = FAILED if tally.left_out and not tally.done else DONE
    if progress.state != OVER:
        lines.append(f"{progress.trouble or _stopped()} {way_on}")
        code = FAILED
    return Answer(result, [printable(line) for line in lines], code)


def _stopped() -> str:
    return _("Stopped by somebody.")
