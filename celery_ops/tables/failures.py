"""The table of failure groups, and what one page shows of a group."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.template.loader import get_template
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django_tables2 import Column

from ..charts.sparkline import Sparkline
from ..failures.group import OPEN, REGRESSED, RESOLVED, Group, ShowsPayload, shows_message
from ..formatting import clean
from .base import OpsTable
from .columns import PLAIN, DottedColumn, NumberColumn, PartialColumn, TimeColumn, cells
from .task_types import added_up

#: What the states are called, and in which tone they are.
STATES: Final = {
    OPEN: (pgettext_lazy("state of failures", "Open"), "failure"),
    REGRESSED: (_("Back after resolving"), "retry"),
    RESOLVED: (_("Resolved"), "success"),
}
#: Names of tasks that a row has.
MOST_TASKS: Final = 2


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One group as a page may show it: ``message`` is empty for those who may not see it."""

    key: str
    url: str
    exception: str
    message: str
    frame: str
    count: int
    trend: Sparkline
    first_seen: datetime | None
    last_seen: datetime | None
    state: str
    state_label: str
    tone: str
    tasks: str
    objects: int | None

    @classmethod
    def of(cls, group: Group, shows_payload: ShowsPayload, query: str = "") -> "FailureRow":
        """``query`` is what the group's page is told of the list, as the window."""
        label, tone = STATES[group.state]
        return cls(
            key=group.key,
            url=reverse("celery_ops:failure-detail", args=[group.key]) + query,
            exception=clean(group.exception),
            message=clean(group.message) if shows_message(group, shows_payload) else "",
            frame=clean(group.frame),
            count=group.count,
            trend=trend(group),
            first_seen=group.first_seen,
            last_seen=group.last_seen,
            state=group.state,
            state_label=str(label),
            tone=tone,
            tasks=_tasks(group),
            objects=group.objects,
        )


def trend(group: Group) -> Sparkline:
    """Return a small picture of how often it failed over the window."""
    points = added_up([*group.points])
    label = gettext("Failures over time: %(count)s in all, %(most)s at most at once")
    count = number_format(group.count, force_grouping=True)
    most = number_format(max(points, default=0), force_grouping=True)
    return Sparkline(points, label % {"count": count, "most": most}, "failure")


def _tasks(group: Group) -> str:
    names = [clean(name) for name in group.tasks or (group.task,) if name]
    shown, more = ", ".join(names[:MOST_TASKS]), len(names) - MOST_TASKS
    return gettext("%(names)s and %(n)s more") % {"names": shown, "n": more} if more > 0 else shown


class GroupColumn(PartialColumn):
    """What failed: the class, the message, and where in the site's code."""

    template_name = "celery_ops/failures/group.html"

    def context(self, value: str, record: FailureRow) -> dict[str, Any]:
        return {"row": record}


class TrendColumn(Column):
    """A small picture."""


class FailureStateColumn(Column):
    def render(self, value: str, record: FailureRow) -> Any:
        return get_template("celery_ops/failures/state.html").render({"label": record.state_label, "tone": record.tone})


class FailureGroupTable(OpsTable):
    caption = _("Failure groups")
    exception = GroupColumn(verbose_name=_("Failure"), attrs=cells("celery-ops-plain celery-ops-failure"))
    trend = TrendColumn(verbose_name=_("Trend"), orderable=False, attrs=PLAIN)
    count = NumberColumn(verbose_name=_("Failures"))
    objects = NumberColumn(verbose_name=_("Objects in all"), orderable=False)
    tasks = DottedColumn(verbose_name=_("Tasks"), orderable=False, attrs=cells("celery-ops-name"))
    first_seen = TimeColumn(verbose_name=_("First seen"), orderable=False)
    last_seen = TimeColumn(verbose_name=_("Last seen"))
    state = FailureStateColumn(verbose_name=_("State"), orderable=False)

    class Meta(OpsTable.Meta):
        default = _("unknown")
        row_attrs = {"data-key": lambda record: record.key}


class ShortFailureGroupTable(FailureGroupTable):
    """As on the overview."""

    class Meta(FailureGroupTable.Meta):
        orderable = False
        exclude = ("first_seen", "objects")
