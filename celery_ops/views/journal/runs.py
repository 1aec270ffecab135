"""The journal: who ran what, and what became of each run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ... import states
from ...charts.words import state as state_in_words
from ...filters import suggestions
from ...filters.records import RecordFilterSet
from ...filters.task_links import FilterLink as Tab
from ...formatting import Moment, clean, listed
from ...info import TaskInfo
from ...links import record_url, task_url
from ...models import TaskRunRecord
from ...payload import mapping
from ...permissions import VIEW_OPS, VIEW_RECORDS, allows
from ...tables.links import PageLink
from ...tables.records import TONES, RecordTable, is_doubtful, record_rows, shown_arguments, shown_error, shown_state
from ...task_detail import TaskDetail, task_detail
from ...task_detail.many_states import state_or_unknown, states_of
from ...tracking.refs import ObjectRef
from ...tracking.registry import registry
from ..objects import object_links
from ..tasks.detail import ViewedTask, laid_out, viewed
from .base import JournalPage, JournalView
from .paging import MOST_ASKED, RecordPage

SendState = TaskRunRecord.SendState

#: Runs once more of one task that its page names.
MOST_AGAIN: Final = 20


class RecordsPage(JournalPage):
    """What the pages of runs have in common."""

    model = TaskRunRecord
    readers = (VIEW_RECORDS, VIEW_OPS)

    def task_url(self, task_id: str) -> str:
        """Return the address of a task's own page, empty for those who may not open it."""
        return task_url(task_id) if self.opens_tasks else ""

    @cached_property
    def opens_tasks(self) -> bool:
        return allows(self.user, VIEW_OPS)


class RecordListView(RecordsPage, JournalView):
    """The runs that this viewer may see, filtered, with what became of each."""

    title = gettext_lazy("Journal")
    template_name = "celery_ops/records/list.html"
    filterset_class = RecordFilterSet

    def listed(self, page: RecordPage[TaskRunRecord], filters: RecordFilterSet) -> dict[str, Any]:
        told = page.told or states_of({record.task_id: record.created_at for record in page.records})
        refs = [ObjectRef(record.object_type, record.object_id) for record in page.records if record.object_type]
        rows = record_rows(
            page.records,
            task_states=told,
            objects=object_links(refs, self.user),
            may_view_payload=self.may_view_payload,
            task_url=self.task_url,
        )
        return {
            "tabs": _tabs(filters),
            "names": self._names(row.name for row in rows),
            "table": RecordTable(rows, sort=filters.order, link=filters.link),
            "troubles": told.troubles,
            "notes": _notes(page),
            "asks": _asks(filters),
        }

    def _names(self, shown: Iterable[str]) -> list[str]:
        """What the filter suggests: which tasks the site has is for those who may see all of them."""
        return suggestions.task_names(shown) if self.opens_tasks else sorted(set(shown))


def _tabs(filters: RecordFilterSet) -> list[Tab]:
    """Whether it was sent, and beside that the tasks that were sent and failed."""
    sent, became = filters.cleaned_data.get("send_state") or [], filters.cleaned_data.get("state") or ()
    tabs = [Tab("", filters.link(send_state=None, state=None), not (sent or became))]
    for value, label in SendState.choices:
        tabs.append(Tab(str(label), filters.link(send_state=[value], state=None), value in sent, TONES[value]))
    failed = filters.link(send_state=None, state=[states.FAILURE])
    return [*tabs, Tab(_("Failed"), failed, tuple(became) == (states.FAILURE,), states.tone(states.FAILURE))]


def _notes(page: RecordPage[TaskRunRecord]) -> list[str]:
    if not page.is_cut or page.troubles:
        return []
    sentence = _("Of %(most)s runs it was asked what became of them. The next page goes on from there.")
    return [sentence % {"most": number_format(MOST_ASKED, force_grouping=True)}]


def _asks(filters: RecordFilterSet) -> list[tuple[str, str, str]]:
    """What is asked for that the form does not show: its label, its value, and the list without it."""
    labels = {"state": _("State"), "object": _("Object"), "retry_of": _("Run again of")}
    became = filters.cleaned_data.get("state") or ()
    values = {**filters.cleaned_data, "state": listed(state_in_words(name) or name for name in became)}
    shown = [(name, clean(values.get(name, ""))) for name in labels]
    return [(labels[name], value, filters.link(**{name: None})) for name, value in shown if value]


@dataclass(frozen=True, slots=True)
class ViewedRun:
    """One row of the journal as one viewer may see it, beside the task that it sent.

    ``state`` is empty when nothing was sent and None when it is unknown.
    """

    pk: int
    label: str
    name: str
    task_id: str
    task_url: str
    who: str
    created: Moment | None
    object: PageLink | None
    options: tuple[mapping.Entry, ...]
    arguments: str
    sent: str
    sent_tone: str
    is_failed: bool
    is_doubtful: bool
    error: str
    state: str | None
    tone: str
    is_over: bool
    again_of: PageLink | None
    again_as: tuple[PageLink, ...]

    @property
    def link(self) -> PageLink:
        """The task's id, leading to its page."""
        return PageLink(self.task_id, self.task_url)


class RecordDetailView(RecordsPage):
    """One run: what was asked for, whether it was sent, and what became of it. Also where one comes after a run."""

    needs_writer = True
    template_name = "celery_ops/records/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        record = self.row(kwargs.pop("pk"))
        detail = task_detail(record.task_id)
        task = viewed(detail, self.user)
        self.run = self._run(record, detail)
        return super().get_context_data(
            run=self.run,
            task=task if self.run.task_url else _without_links(task),
            troubles=detail.troubles,
            back_url=reverse("celery_ops:record-list"),
            **kwargs,
        )

    def get_title(self) -> str:
        return self.run.label

    def _run(self, record: TaskRunRecord, detail: TaskDetail) -> ViewedRun:
        may_view_payload = self.may_view_payload(record.task_name)
        heard = state_or_unknown(detail.task.state, record.created_at)
        is_unheard = _is_unheard(detail.task)
        state = shown_state(record, None if is_unheard and detail.troubles else heard, is_unheard=is_unheard)
        ref = ObjectRef(record.object_type, record.object_id)
        return ViewedRun(
            pk=record.pk,
            label=clean(registry.label(record.task_name)),
            name=clean(record.task_name),
            task_id=clean(record.task_id),
            task_url=self.task_url(record.task_id),
            who=clean(record.username) or _("nobody"),
            created=Moment.of(record.created_at, timezone.now()),
            object=object_links([ref], self.user).get(ref) if record.object_type else None,
            options=mapping.entries(record.options),
            arguments=laid_out(shown_arguments(record)) or "" if may_view_payload else "",
            sent=record.get_send_state_display(),
            sent_tone=TONES.get(record.send_state, "unknown"),
            is_failed=record.send_state == SendState.FAILED,
            is_doubtful=is_unheard and is_doubtful(record),
            error=shown_error(record, may_view_payload=may_view_payload),
            state=state and clean(state),
            tone=states.tone(state or ""),
            is_over=state == "" or heard is None or states.is_final(heard),
            again_of=self._again_of(record),
            again_as=tuple(self._again_as(record)),
        )

    def _again_of(self, record: TaskRunRecord) -> PageLink | None:
        if not record.retry_of:
            return None
        earlier = self.rows.filter(task_id=record.retry_of).first()
        url = record_url(earlier.pk) if earlier else self.task_url(record.retry_of)
        return PageLink(clean(record.retry_of), url)

    def _again_as(self, record: TaskRunRecord) -> Iterator[PageLink]:
        for later in self.rows.filter(retry_of=record.task_id)[:MOST_AGAIN]:
            yield PageLink(clean(later.task_id), record_url(later.pk))


def _is_unheard(task: TaskInfo) -> bool:
    """Whether the journal alone knows of it."""
    return not (task.seen_at or task.started_at or task.worker)


def _without_links(task: ViewedTask) -> ViewedTask:
    """The task for those who may not open the pages that it leads to."""
    return replace(
        task,
        worker=task.worker and replace(task.worker, url=""),
        queue=task.queue and replace(task.queue, url=""),
        parent=None,
        root=None,
        retry_of=None,
        retried_as=(),
        children=(),
        more_children=0,
    )
