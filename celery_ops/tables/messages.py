"""The tables of one queue: the messages at its head, and how messages come into it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..formatting import SHORT_ID, clean, is_clean
from ..info import Binding, MessageInfo, TaskInfo
from ..links import task_url
from ..payload import payload
from ..redaction import Budget
from .base import OpsTable
from .columns import (
    PLAIN,
    CodeColumn,
    DottedColumn,
    IdColumn,
    NumberColumn,
    SizeColumn,
    TextColumn,
    TimeColumn,
    with_choice,
)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One waiting message. ``arguments`` is empty for those who may not see them."""

    id: str
    url: str
    name: str
    published: datetime | None
    eta: datetime | None
    priority: int | None
    size: int
    arguments: str
    chosen_by: str = ""


class MessageIdColumn(IdColumn):
    """A message's task id, and the box that chooses it."""

    def render(self, value: str, record: MessageRow) -> Any:
        cell, task_id = super().render(value, record), record.chosen_by
        if not task_id:
            return cell
        label = gettext("Select %(name)s") % {"name": value[:SHORT_ID]}
        return with_choice(cell, form="celery-ops-messages", name="message", value=task_id, label=label)


class MessageTable(OpsTable):
    caption = _("Next messages")
    id = MessageIdColumn(verbose_name=_("Task id"))
    name = DottedColumn(verbose_name=_("Task"), attrs=PLAIN)
    published = TimeColumn(verbose_name=_("Created"))
    eta = TimeColumn(verbose_name=_("ETA"), default="")
    priority = NumberColumn(verbose_name=_("Priority"), default="")
    size = SizeColumn(verbose_name=_("Size"))
    arguments = CodeColumn(verbose_name=_("Arguments"), default="")

    class Meta(OpsTable.Meta):
        orderable = False
        default = _("unknown")
        row_attrs = {"data-key": lambda record: record.id}


def message_table(
    messages: Iterable[MessageInfo], may_view_payload: Callable[[str], bool], *, can_choose: bool = False
) -> MessageTable:
    """Return the table of ``messages``, without the columns in which it has nothing to say."""
    page = Budget.of_page()
    rows = [_message(message, may_view_payload, page, can_choose=can_choose) for message in messages]
    optional = ("eta", "priority", "arguments")
    return MessageTable(
        rows, exclude=[name for name in optional if all(getattr(row, name) in ("", None) for row in rows)]
    )


def _message(
    message: MessageInfo, may_view_payload: Callable[[str], bool], page: Budget, *, can_choose: bool
) -> MessageRow:
    task = TaskInfo(message.task_id, message.name, args=message.arguments or None)
    return MessageRow(
        id=clean(message.task_id),
        url=task_url(message.task_id),
        name=clean(message.name),
        published=message.published_at,
        eta=message.eta,
        priority=message.priority,
        size=message.size,
        arguments=payload.arguments_text(task, page) if may_view_payload(message.name) else "",
        chosen_by=message.task_id if can_choose and is_clean(message.task_id) else "",
    )


@dataclass(frozen=True, slots=True)
class BindingRow:
    exchange: str
    exchange_type: str
    routing_key: str


class BindingTable(OpsTable):
    caption = _("Bindings")
    exchange = CodeColumn(verbose_name=_("Exchange"), default=_("the default exchange"))
    exchange_type = TextColumn(verbose_name=_("Type"))
    routing_key = CodeColumn(verbose_name=_("Routing key"))

    class Meta(OpsTable.Meta):
        orderable = False


def binding_table(bindings: Iterable[Binding]) -> BindingTable:
    return BindingTable(
        [
            BindingRow(clean(binding.exchange), clean(binding.exchange_type), clean(binding.routing_key))
            for binding in bindings
        ]
    )
