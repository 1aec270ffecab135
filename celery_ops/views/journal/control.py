"""The journal of control actions: who told whom to do what, and what each worker answered."""

from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...control.journal import in_words, target_of
from ...control.standing import texts
from ...filters.journal import ControlRecordFilterSet, JournalFilterSet
from ...formatting import Moment, clean
from ...links import failure_url, queue_url, schedule_url, task_url, worker_url
from ...models import ControlRecord
from ...payload import mapping
from ...permissions import (
    CONTROL_WORKERS,
    MANAGE_QUEUES,
    MANAGE_SCHEDULES,
    RESOLVE_FAILURES,
    REVOKE_TASK,
    VIEW_OPS,
    VIEW_RECORDS,
    allows,
)
from ...tables.control_records import ControlRecordTable, Outcome, control_rows, label_of, outcome_of
from ...tables.links import PageLink
from .base import JournalPage, JournalView
from .paging import RecordPage

#: Whoever may do one of these may open the journal, as those may who run tasks.
READERS: Final = (
    VIEW_RECORDS,
    VIEW_OPS,
    CONTROL_WORKERS,
    MANAGE_QUEUES,
    REVOKE_TASK,
    RESOLVE_FAILURES,
    MANAGE_SCHEDULES,
)
ON_QUEUES: Final = ("pause", "resume", "purge", "delete", "move")
#: Whose rows have a page of how far they are.
BULKS: Final = {"retry": "bulk-retry-detail", "bulk_revoke": "bulk-revoke-detail"}
ON_TASKS: Final = ("revoke",)
ON_FAILURES: Final = (ControlRecord.RESOLVE, ControlRecord.REOPEN)
ON_SCHEDULES: Final = (
    ControlRecord.PAUSE_SCHEDULE,
    ControlRecord.RESUME_SCHEDULE,
    ControlRecord.SKIP_OCCURRENCE,
)
#: What of the replies has a place of its own on the page.
SHOWN: Final = ("asked", "answered", "silent", "failed", "error", "told")
#: Workers of one action that its page lists.
MOST_REPLIES: Final = 500


class ControlRecordListView(JournalView):
    """The control actions that this viewer may see, filtered."""

    title = gettext_lazy("Control actions")
    template_name = "celery_ops/control/records.html"
    model = ControlRecord
    readers = READERS
    filterset_class = ControlRecordFilterSet

    def listed(self, page: RecordPage[ControlRecord], filters: JournalFilterSet) -> dict[str, Any]:
        return {"table": ControlRecordTable(control_rows(page.records), sort=filters.order, link=filters.link)}


@dataclass(frozen=True, slots=True)
class Reply:
    """What one worker said; empty when it was silent."""

    worker: PageLink
    text: str


@dataclass(frozen=True, slots=True)
class ViewedAction:
    """One control action as a page may show it."""

    label: str
    target: PageLink
    who: str
    created: Moment | None
    parameters: tuple[mapping.Entry, ...]
    replies: tuple[Reply, ...]
    more: int
    others: tuple[mapping.Entry, ...]
    outcome: Outcome
    bulk_url: str


class ControlRecordDetailView(JournalPage):
    """One control action: what was asked of whom, and what each one answered."""

    needs_writer = True
    template_name = "celery_ops/control/record.html"
    model = ControlRecord
    readers = READERS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        self.viewed = viewed_action(self.row(kwargs.pop("pk")), links=allows(self.user, VIEW_OPS))
        return super().get_context_data(
            action=self.viewed, back_url=reverse("celery_ops:control-record-list"), **kwargs
        )

    def get_title(self) -> str:
        return f"{self.viewed.label} {self.viewed.target.name}"


def viewed_action(record: ControlRecord, *, links: bool) -> ViewedAction:
    """``links`` is whether the viewer may open the pages of workers, queues and tasks."""
    replies = record.replies
    hosts = texts(replies.get("asked"))
    answered = replies["answered"] if isinstance(replies.get("answered"), dict) else {}
    answers = [
        Reply(_worker(host, links), clean(in_words(str(answered.get(host, ""))), 300)) for host in hosts[:MOST_REPLIES]
    ]
    return ViewedAction(
        label=label_of(record.action),
        target=PageLink(clean(target_of(record), 300), _target_url(record) if links else ""),
        who=clean(record.username) or _("nobody"),
        created=Moment.of(record.created_at, timezone.now()),
        parameters=mapping.entries(record.parameters),
        replies=tuple(answers),
        more=max(0, len(hosts) - MOST_REPLIES),
        others=mapping.entries({name: value for name, value in replies.items() if name not in SHOWN}),
        outcome=outcome_of(record),
        bulk_url=reverse(f"celery_ops:{BULKS[record.action]}", args=[record.pk]) if record.action in BULKS else "",
    )


def _worker(hostname: str, links: bool) -> PageLink:
    return PageLink(clean(hostname), worker_url(hostname) if links else "")


def _target_url(record: ControlRecord) -> str:
    if record.action in ON_QUEUES:
        return queue_url(record.target)
    if record.action in ON_TASKS:
        ids = record.parameters.get("task_ids")
        return task_url(record.target) if isinstance(ids, list) and len(ids) == 1 else ""
    if record.action in ON_FAILURES:
        return failure_url(record.target)
    if record.action in ON_SCHEDULES:
        return schedule_url(record.target)
    destination = record.parameters.get("destination")
    return worker_url(record.target) if isinstance(destination, list) and len(destination) == 1 else ""
