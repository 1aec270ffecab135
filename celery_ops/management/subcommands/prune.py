"""``prune``: delete journal rows and results that are old."""

import time
from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandParser
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from ... import states
from ...databases import met_lock
from ...formatting import grouped
from ...pruning import prune
from ...pruning.batches import BATCH_SIZE, RowsHeld
from .base import USAGE, Answer, CommandRefused, Subcommand, Terminal, duration, positive

#: What each kind of row is called, by the name that it has in JSON.
KINDS: Final = {
    "records": gettext_lazy("task runs"),
    "control": gettext_lazy("control actions"),
    "results": gettext_lazy("results"),
    "groups": gettext_lazy("group results"),
}
#: What is said of each at the end, by ``number``.
DELETED: Final = {
    "records": ngettext_lazy("%(n)s task run deleted", "%(n)s task runs deleted", "number"),
    "control": ngettext_lazy("%(n)s control action deleted", "%(n)s control actions deleted", "number"),
    "results": ngettext_lazy("%(n)s result deleted", "%(n)s results deleted", "number"),
    "groups": ngettext_lazy("%(n)s group result deleted", "%(n)s group results deleted", "number"),
}
WOULD_BE_DELETED: Final = {
    "records": ngettext_lazy("%(n)s task run would be deleted", "%(n)s task runs would be deleted", "number"),
    "control": ngettext_lazy(
        "%(n)s control action would be deleted", "%(n)s control actions would be deleted", "number"
    ),
    "results": ngettext_lazy("%(n)s result would be deleted", "%(n)s results would be deleted", "number"),
    "groups": ngettext_lazy("%(n)s group result would be deleted", "%(n)s group results would be deleted", "number"),
}


class Prune(Subcommand):
    examples = (
        "manage.py celery_ops prune",
        "manage.py celery_ops prune --results --older-than 30d --keep-failures",
        "manage.py celery_ops prune --records --results --dry-run --format json",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--records", action="store_true", help="the journal: runs and control actions (the default)")
        add("--results", action="store_true", help="results of tasks and groups, by when they were last written")
        add("--older-than", type=duration, metavar="30d", help="90s, 45m, 12h, 30d or 2w; else RECORD_RETENTION")
        add("--states", type=final_states, metavar="STATE,…", help="results in these states only")
        add("--keep-failures", action="store_true", help="keep the results of tasks that failed")
        add("--batch-size", type=positive, default=BATCH_SIZE, metavar="N", help="rows of one transaction")
        add("--max-time", type=duration, metavar="5m", help="stop after this long; the next run goes on")
        add("--dry-run", action="store_true", help="only count what would go")

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        _check(options)
        try:
            cutoff = prune.cutoff_of(options["older_than"])
            pruned = self._prune(cutoff, options, terminal)
        except ImproperlyConfigured as error:
            raise CommandRefused(str(error)) from error
        except DatabaseError as error:
            raise CommandRefused(_in_one_line(error)) from error
        return _answer(pruned, cutoff, options)

    def _prune(
        self, cutoff: datetime | None, options: Mapping[str, Any], terminal: Terminal
    ) -> dict[str, prune.Pruned]:
        limit = options["max_time"]
        until = None if limit is None else time.monotonic() + limit.total_seconds()
        pruned: dict[str, prune.Pruned] = {}
        held: list[str] = []
        for kind, old in _old_rows(cutoff, options).items():
            try:
                pruned[kind] = self._take(kind, old, options, until, terminal)
            except RowsHeld as error:
                held.append(str(error))
        if held:
            raise CommandRefused("; ".join(held))
        return pruned

    def _take(
        self, kind: str, old: prune.Old, options: Mapping[str, Any], until: float | None, terminal: Terminal
    ) -> prune.Pruned:
        if options["dry_run"]:
            return prune.count(old)
        length = prune.count(old).deleted if terminal.is_live else None
        with terminal.progress(str(KINDS[kind]), length) as progress:
            return prune.prune(old, batch_size=options["batch_size"], until=until, progress=progress)


def _old_rows(cutoff: datetime | None, options: Mapping[str, Any]) -> dict[str, prune.Old]:
    if cutoff is None:
        return {}
    return prune.old_rows(
        cutoff,
        records=options["records"],
        results=options["results"],
        wanted=options["states"] or (),
        keep_failures=options["keep_failures"],
    )


def _check(options: Mapping[str, Any]) -> None:
    if not options["results"] and (options["states"] or options["keep_failures"]):
        raise CommandRefused(_("--states and --keep-failures are about results: add --results"), USAGE)
    if options["keep_failures"] and options["states"] == (states.FAILURE,):
        raise CommandRefused(_("--keep-failures leaves nothing of --states FAILURE"), USAGE)


def _in_one_line(error: DatabaseError) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, OperationalError) and met_lock(error):
        return _("the database stays locked by others: %(reason)s") % {"reason": text}
    if isinstance(error, (OperationalError, InterfaceError)):
        return _("the database does not answer: %(reason)s") % {"reason": text}
    return _("the database refuses: %(reason)s") % {"reason": text}


def _answer(pruned: dict[str, prune.Pruned], cutoff: datetime | None, options: Mapping[str, Any]) -> Answer:
    moment = cutoff.astimezone(timezone.utc).isoformat() if cutoff else None  # without USE_TZ it has no zone yet
    data: dict[str, Any] = {kind: {"deleted": 0, "cutoff": None} for kind in KINDS}
    data |= {kind: {"deleted": of_kind.deleted, "cutoff": moment} for kind, of_kind in pruned.items()}
    data["dry_run"] = options["dry_run"]
    data["complete"] = all(of_kind.complete for of_kind in pruned.values())
    texts = WOULD_BE_DELETED if options["dry_run"] else DELETED
    lines = [
        texts[kind] % {"number": of_kind.deleted, "n": grouped(of_kind.deleted)} for kind, of_kind in pruned.items()
    ]
    if cutoff is None:
        lines = [_("RECORD_RETENTION is None, so records are kept for ever: name an age with --older-than")]
    if not data["complete"]:
        lines.append(_("The time ran out: the next run goes on."))
    return Answer(data, lines)


def final_states(text: str) -> tuple[str, ...]:
    """Read ``SUCCESS,FAILURE``."""
    wanted = tuple(dict.fromkeys(word.strip().upper() for word in text.split(",") if word.strip()))
    unknown = [word for word in wanted if word not in prune.FINAL]
    if unknown or not wanted:
        sentence = _("%(text)r: the states are %(names)s")
        raise ArgumentTypeError(sentence % {"text": text, "names": ", ".join(prune.FINAL)})
    return wanted
