"""``retry``: run tasks again, with the arguments that they had."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...exceptions import NotKnown, NotSent, RerunRefused
from ...formatting import clean
from ...permissions import RUN_TASK
from ..tables import printable
from . import in_bulk, users
from .asking import learn_hosts
from .base import DONE, FAILED, USAGE, Answer, CommandRefused, Subcommand, Terminal


class Retry(Subcommand):
    examples = (
        "manage.py celery_ops retry 8a5c3a10-3a3e-4a94-9f40-0f6d8f1d6a5e",
        "manage.py celery_ops retry 8a5c3a10-3a3e-4a94-9f40-0f6d8f1d6a5e --user ada --format json",
        "manage.py celery_ops retry --filter 'state=FAILURE&name=shop.tasks.charge&since=2026-11-20' --dry-run",
        "manage.py celery_ops retry --filter 'state=FAILURE&name=shop.tasks.charge&since=2026-11-20' --yes",
        "manage.py celery_ops retry --whole 8a5c3a10-3a3e-4a94-9f40-0f6d8f1d6a5e --dry-run",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        in_bulk.add_arguments(parser)
        parser.add_argument("--whole", metavar="ID", help="instead of ids: the whole workflow of this task")
        users.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        if options["whole"] is not None:
            return self._whole(options)
        if in_bulk.is_meant(options):
            return self._in_bulk(options, terminal)
        from ...rerun import rerun_all  # dear to import, and a hook that prunes has no use for it
        from ...views.bulk.retry import answer

        learn_hosts()
        outcomes = rerun_all(options["task_ids"], users.user_named(options["user"]))
        refused = any(outcome.record is None for outcome in outcomes)
        return Answer(answer(outcomes), [*map(_line, outcomes)], FAILED if refused else DONE)

    def _whole(self, options: Mapping[str, Any]) -> Answer:
        if options["task_ids"] or options[in_bulk.FILTER] or options[in_bulk.RESUME] is not None:
            raise CommandRefused(_("--whole stands by itself: name no other ids, no --filter and no --resume"), USAGE)
        from ...rerun import RerunOutcome, rerun_whole_candidate, whole_candidate
        from ...views.bulk.retry import answer

        learn_hosts()
        user = users.user_named(options["user"])
        try:
            whole = whole_candidate(options["whole"], user)
            if options["dry_run"]:
                warnings = [doubt.text for doubt in whole.doubts]
                data = {
                    "dry_run": True,
                    "count": whole.total,
                    "published": whole.published,
                    "warnings": warnings,
                }
                text = ngettext(
                    "%(n)s task would be sent once more", "%(n)s tasks would be sent once more", whole.total
                )
                lines = (text % {"n": whole.total}, whole.beside, *warnings)
                return Answer(data, [printable(line) for line in lines if line])
            records = rerun_whole_candidate(whole, user)
        except NotKnown as error:
            raise CommandRefused(_("this task is part of no workflow that is known")) from error
        except (RerunRefused, NotSent) as error:
            raise CommandRefused(clean(str(error), 500)) from error
        failed = [record for record in records if record.send_state == record.SendState.FAILED]
        outcomes = [
            RerunOutcome(record.retry_of, reason=record.error)
            if record in failed
            else RerunOutcome(record.retry_of, record)
            for record in records
        ]
        return Answer(answer(outcomes), [*map(_line, outcomes)], FAILED if failed else DONE)

    def _in_bulk(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        from ...bulk.rerun import RerunAction

        return in_bulk.run(RerunAction(), RUN_TASK, options, terminal)


def _line(outcome: Any) -> str:
    if outcome.record is None:
        text = _("not run again: %(reason)s") % {"reason": outcome.reason}
    else:
        text = _("sent again as %(task_id)s") % {"task_id": outcome.record.task_id}
    return printable(f"{clean(outcome.task_id, 100)}: {text}")
