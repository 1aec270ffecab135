"""The table of the journal: its columns, and its rows as one viewer may see them."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tables2 import Column

from .. import states
from ..formatting import clean
from ..info import TaskInfo
from ..links import record_url
from ..models import TaskRunRecord
from ..payload import payload
from ..redaction import capture_text, encode
from ..task_detail.many_states import States
from ..tracking.refs import ObjectRef
from ..tracking.registry import registry
from .base import JournalTable
from .columns import PLAIN, IdColumn, LinkColumn, PartialColumn, TextColumn, TimeColumn, cells
from .links import PageLink

#: Characters of the arguments that a row shows.
LONGEST_ARGUMENTS: Final = 120
#: How long a send may take before it is doubtful.
SEND_TAKES: Final = timedelta(minutes=1)
#: What the send states look like: as a task's states do.
TONES: Final[Mapping[str, str]] = {
    TaskRunRecord.SendState.REQUESTED: states.tone(states.PENDING),
    TaskRunRecord.SendState.SENT: states.tone(states.SUCCESS),
    TaskRunRecord.SendState.FAILED: states.tone(states.FAILURE),
}


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One run in the journal: texts that a page can carry, and addresses, empty where there can be none.

    ``state`` is what became of the task: a state, empty when nothing was sent, None when it is unknown.
    """

    pk: int
    url: str
    label: str
    name: str
    task_id: str
    task_url: str
    state: str | None
    tone: str
    created: datetime
    who: str
    object: PageLink | None
    arguments: str
    sent: str
    is_failed: bool
    error: str
    retry_of: str
    retry_of_url: str

    @property
    def error_class(self) -> str:
        return payload.error_class(self.error)

    @property
    def short_arguments(self) -> str:
        return clean(self.arguments, LONGEST_ARGUMENTS)


def record_rows(
    records: Iterable[TaskRunRecord],
    *,
    task_states: States,
    objects: Mapping[ObjectRef, PageLink],
    may_view_payload: Callable[[str], bool],
    task_url: Callable[[str], str],
) -> list[RecordRow]:
    """Return the rows of a page; ``may_view_payload`` is asked once for each task name.

    ``task_states`` are the tasks' states, ``objects`` those that the viewer may see, and ``task_url`` the address of a
    task's page, empty for those who may not see it.
    """
    ask, label = cache(may_view_payload), cache(registry.label)
    return [
        RecordRow(
            pk=record.pk,
            url=record_url(record.pk),
            label=clean(label(record.task_name)),
            name=clean(record.task_name),
            task_id=clean(record.task_id),
            task_url=task_url(record.task_id),
            state=(state := became(record, task_states)) and clean(state),
            tone=states.tone(state or ""),
            created=record.created_at,
            who=clean(record.username) or _("nobody"),
            object=objects.get(ObjectRef(record.object_type, record.object_id)),
            arguments=arguments_line(record) if ask(record.task_name) else "",
            sent=record.get_send_state_display(),
            is_failed=record.send_state == TaskRunRecord.SendState.FAILED,
            error=shown_error(record, may_view_payload=ask(record.task_name)),
            retry_of=clean(record.retry_of),
            retry_of_url=task_url(record.retry_of),
        )
        for record in records
    ]


def became(record: TaskRunRecord, task_states: States) -> str | None:
    """Return what became of a run, as ``shown_state`` does, by what is known of some tasks' states."""
    task_id = record.task_id
    return shown_state(record, task_states.found.get(task_id), is_unheard=task_id in task_states.unheard)


def shown_state(record: TaskRunRecord, state: str | None, *, is_unheard: bool) -> str | None:
    """Return what became of a run: empty when nothing was sent, None when that is unknown.

    A send that failed, or that was never said to have ended, may have reached the broker all the same: what is heard of
    the task counts.
    """
    if is_unheard and record.send_state == TaskRunRecord.SendState.FAILED:
        return ""
    return None if is_unheard and is_doubtful(record) else state


def is_doubtful(record: TaskRunRecord) -> bool:
    """Whether the sender has had time enough to say how the send ended, and has not."""
    is_requested = record.send_state == TaskRunRecord.SendState.REQUESTED
    return is_requested and timezone.now() - record.created_at > SEND_TAKES


def shown_arguments(record: TaskRunRecord) -> str:
    """Return the arguments of a run as JSON ``{"args": [...], "kwargs": {...}}``, redacted once more."""
    return payload.arguments_text(TaskInfo(record.task_id, record.task_name, args=record.args, kwargs=record.kwargs))


def arguments_line(record: TaskRunRecord) -> str:
    """Return the arguments as they stand in a call: ``7, "A-1", force=true``."""
    text = shown_arguments(record)
    try:
        shown = json.loads(text)
        listed, named = map(encode, shown["args"]), shown["kwargs"].items()
        return clean(", ".join([*listed, *(f"{name}={encode(value)}" for name, value in named)]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # cut, or of another shape
        return clean(text)


def shown_error(record: TaskRunRecord, *, may_view_payload: bool) -> str:
    """Return why a run was not sent: redacted, or the error's class alone."""
    if not may_view_payload:
        return payload.error_class(record.error)
    return capture_text(record.error).text


class RunColumn(Column):
    """Which task, leading to the run's own page."""

    def render(self, value: Any, record: RecordRow) -> str:
        return format_html('<a href="{}" title="{}">{}</a>', record.url, record.name, value)


class RunStateColumn(PartialColumn):
    """What became of it."""

    template_name = "celery_ops/records/state.html"
    empty_values = ()

    def context(self, value: Any, record: RecordRow) -> dict[str, Any]:
        return {"state": record.state, "tone": record.tone}


class SentColumn(Column):
    """Whether the broker took it, and why not."""

    def render(self, value: Any, record: RecordRow) -> str:
        if not record.is_failed:
            return value
        sentence = ": ".join(filter(None, (value, record.error_class)))
        return format_html('<span class="celery-ops-error" title="{}">{}</span>', record.error, sentence)


class ArgumentsColumn(Column):
    def render(self, value: str, record: RecordRow) -> str:
        return format_html('<code title="{}">{}</code>', value, record.short_arguments)


class RecordTable(JournalTable):
    caption = gettext_lazy("Runs")
    label = RunColumn(verbose_name=gettext_lazy("Task"), attrs=cells("celery-ops-record-task"))
    task_id = IdColumn(verbose_name=gettext_lazy("Id"), url="task_url")
    state = RunStateColumn(verbose_name=gettext_lazy("State"), attrs=PLAIN)
    created = TimeColumn(verbose_name=gettext_lazy("When"))
    who = TextColumn(verbose_name=gettext_lazy("Who"), attrs=cells("celery-ops-record-who"))
    object = LinkColumn(verbose_name=gettext_lazy("Object"), accessor="object__name", url="object__url")
    arguments = ArgumentsColumn(verbose_name=gettext_lazy("Arguments"), attrs=cells("celery-ops-record-arguments"))
    sent = SentColumn(verbose_name=gettext_lazy("Send state"), attrs=cells("celery-ops-record-sent"))
    retry_of = IdColumn(verbose_name=gettext_lazy("Run again of"), url="retry_of_url")

    class Meta(JournalTable.Meta):
        attrs = {"class": "table celery-ops-record-table"}

    def __init__(self, rows: list[RecordRow], **kwargs: Any) -> None:
        shown = {name: any(getattr(row, name) for row in rows) for name in ("object", "arguments", "retry_of")}
        super().__init__(rows, exclude=[name for name, is_shown in shown.items() if not is_shown], **kwargs)
