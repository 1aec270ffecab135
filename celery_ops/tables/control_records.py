"""The table of control actions: who told whom to do what, and what was answered."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import conditional_escape, format_html, html_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..control.commands import LABELS
from ..control.journal import target_of
from ..formatting import clean
from ..models import ControlRecord
from ..redaction import capture_text
from .base import JournalTable
from .columns import LinkColumn, TextColumn, TimeColumn, cells

#: Characters of a target that a row shows.
LONGEST_TARGET: Final = 120


@html_safe
@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action, in words; ``tone`` is empty when all is well. ``{{ outcome }}`` writes it in its tone."""

    text: str
    tone: str = ""

    def __str__(self) -> str:
        if not self.tone:
            return conditional_escape(self.text)
        return format_html('<span class="celery-ops-outcome celery-ops-outcome--{}">{}</span>', self.tone, self.text)


@dataclass(frozen=True, slots=True)
class ControlRow:
    """One row: texts that a page can carry."""

    pk: int
    url: str
    action: str
    target: str
    created: datetime
    who: str
    outcome: Outcome


def control_rows(records: Iterable[ControlRecord]) -> list[ControlRow]:
    return [
        ControlRow(
            record.pk,
            reverse("celery_ops:control-record-detail", args=[record.pk]),
            label_of(record.action),
            clean(target_of(record), LONGEST_TARGET),
            record.created_at,
            clean(record.username) or _("nobody"),
            outcome_of(record),
        )
        for record in records
    ]


#: What no worker is asked for.
UNANSWERED: Final = (
    "retry",
    "bulk_revoke",
    ControlRecord.RESOLVE,
    ControlRecord.REOPEN,
    ControlRecord.PAUSE_SCHEDULE,
    ControlRecord.RESUME_SCHEDULE,
    ControlRecord.SKIP_OCCURRENCE,
)


def label_of(action: str) -> str:
    return str(LABELS.get(action) or clean(action))


def outcome_of(record: ControlRecord) -> Outcome:
    """Return what a row's replies come to."""
    replies = record.replies
    if error := replies.get("error"):
        return Outcome(_("Not done: %(reason)s") % {"reason": capture_text(str(error)).text}, "failure")
    for key in ("purged", "deleted", "moved"):
        if key in replies:
            return Outcome(_of_messages(replies[key], are_moved=key == "moved"))
    if "asked" not in replies:
        return Outcome("") if record.action in UNANSWERED else Outcome(_("It is not known what came of it."), "pending")
    return _of_workers(replies, ends=record.action == "shutdown")


def _of_messages(changed: Any, *, are_moved: bool) -> str:
    number = len(_several(changed)) if not isinstance(changed, int) else changed
    if are_moved:
        text = ngettext("%(n)s message moved", "%(n)s messages moved", number)
    else:
        text = ngettext("%(n)s message deleted", "%(n)s messages deleted", number)
    return text % {"n": number_format(number, force_grouping=True)}


def _of_workers(replies: Mapping[str, Any], *, ends: bool) -> Outcome:
    hosts, answered, silent = (_several(replies.get(key)) for key in ("asked", "answered", "silent"))
    if not hosts:
        return Outcome(_("No worker was up."), "pending")
    sentence = ngettext("%(asked)s asked", "%(asked)s asked", len(hosts)) % {"asked": len(hosts)}
    if ends:
        return Outcome(sentence)
    parts = {"asked": sentence, "answered": ngettext("%(n)d answered", "%(n)d answered", len(answered))}
    parts["answered"] %= {"n": len(answered)}
    if silent:
        parts["others"] = ngettext("%(n)s silent", "%(n)s silent", len(silent)) % {"n": len(silent)}
        return Outcome(_("%(asked)s, %(answered)s, %(others)s") % parts, "pending")
    if failed := _several(replies.get("failed")):
        parts["others"] = ngettext("%(n)s with an error", "%(n)s with an error", len(failed)) % {"n": len(failed)}
        return Outcome(_("%(asked)s, %(answered)s, %(others)s") % parts, "failure")
    return Outcome(_("%(asked)s, %(answered)s") % parts)


def _several(value: Any) -> Collection[Any]:
    """Return what a row has of several workers; of what is no such thing there is none."""
    return value if isinstance(value, (list, dict)) else ()


class ControlRecordTable(JournalTable):
    caption = gettext_lazy("Control actions")
    action = LinkColumn(verbose_name=gettext_lazy("Action"))
    target = TextColumn(verbose_name=gettext_lazy("Target"), attrs=cells("celery-ops-control-target"))
    outcome = TextColumn(verbose_name=gettext_lazy("What came of it"))
    who = TextColumn(verbose_name=gettext_lazy("Who"))
    created = TimeColumn(verbose_name=gettext_lazy("When"))

    class Meta(JournalTable.Meta):
        """django-tables2 reads a table's own alone."""
