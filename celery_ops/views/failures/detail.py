"""One failure group: how often, since when, whom it concerns, and what it looks like."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import states, timezones
from ...catalog import may_run_something
from ...charts.columns import ColumnChart, Series, column_chart
from ...charts.times import TimeAxis
from ...failures.group import OPEN, Detail, Group, shows_message
from ...failures.listing import detailed
from ...filters.windows import LABELS, window_of
from ...formatting import Moment, clean
from ...links import query_string, task_list_url
from ...metrics.cells import OTHER
from ...metrics.windows import WINDOWS, Window
from ...permissions import RESOLVE_FAILURES, RUN_TASK, allows
from ...redaction import capture_text
from ...tables.failures import FailureRow
from ...tables.links import PageLink, id_html, task_link
from ...task_detail import task_detail
from ..not_found import no_group
from ..objects import object_links
from ..ops import OpsPage, part
from .list import BY_RESULTS, COUNTED, limit

#: Tasks of a group that its page names by their names, and those whose own traceback is looked for.
MOST_NAMES: Final = 20
TRIED: Final = 2


@dataclass(frozen=True, slots=True)
class ViewedSample:
    """One task that failed so."""

    link: Any
    name: str
    at: Moment | None


class FailureDetailView(OpsPage):
    section = "celery_ops:failure-list"
    template_name = "celery_ops/failures/detail.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.window = window_of(request.GET.get("window"))
        answer = part(lambda: detailed(self.kwargs["key"], self.window))
        self.detail, self.trouble = answer.value or (None, answer.trouble)
        if answer.is_available and self.detail is None:
            raise no_group()
        status = 200 if self.detail else 503
        return self.render_to_response(self.get_context_data(), status=status)

    def get_title(self) -> str:
        return clean(self.detail.group.exception if self.detail else self.kwargs["key"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(trouble=self.trouble, **kwargs)
        return {**context, **self._of(self.detail)} if self.detail else context

    def _of(self, detail: Detail) -> dict[str, Any]:
        group, shows_payload = detail.group, cache(self.may_view_payload)
        shows = shows_message(group, shows_payload)
        links = list(object_links(group.refs, self.user).values())
        return {
            "backend": BY_RESULTS if detail.limit else COUNTED,
            "limit": limit(detail.limit),
            "row": FailureRow.of(group, shows_payload),
            "counts": [(LABELS[name], _number(number)) for name, number in detail.counts.items()],
            "total": _number(detail.total),
            "tabs": _tabs(group.key, self.window),
            "chart": _chart(detail, self.window),
            "tasks": [(_tasks_link(name, group), _number(number)) for name, number in _named(group)],
            "objects": links,
            "objects_more": max(0, (group.objects or 0) - len(links)),
            "samples": [
                ViewedSample(
                    id_html(task_link(sample.task_id), longest=8),
                    clean(sample.task),
                    Moment.of(timezones.of_milliseconds(sample.at), timezone.now()),
                )
                for sample in (group.samples if shows else ())
            ],
            "may_view_payload": shows,
            "traceback": _traceback(group) if shows else "",
            "resolved_by": clean(group.resolved_by) if group.state != OPEN else "",
            "resolved_at": Moment.of(group.resolved_at, timezone.now()) if group.state != OPEN else None,
            "may_resolve": allows(self.user, RESOLVE_FAILURES, group.key),
            "rerun_url": self._rerun_url(group),
            "list_url": task_list_url(failure=group.key),
            "submission": uuid4(),
        }

    def _rerun_url(self, group: Group) -> str:
        """Return where it is asked whether all of the group are to run again, empty for who may run none."""
        if not (allows(self.user, RUN_TASK) and may_run_something(self.user)):
            return ""
        return f"{reverse('celery_ops:bulk-retry')}?{query_string({'failure': group.key})}"


def _number(number: int) -> str:
    return number_format(number, force_grouping=True)


def _named(group: Group) -> Sequence[tuple[str, int]]:
    return [*group.tasks.items()][:MOST_NAMES]


def _tasks_link(name: str, group: Group) -> PageLink:
    is_plain = name not in ("", OTHER) and clean(name) == name
    url = task_list_url(failure=group.key, state=states.FAILURE, name=name) if is_plain else ""
    return PageLink(clean(name) or _("unknown"), url)


@dataclass(frozen=True, slots=True)
class WindowLink:
    """A link to the same page over another window, as a tab has it."""

    label: Any
    url: str
    is_current: bool


def _tabs(key: str, window: Window) -> list[WindowLink]:
    url = reverse("celery_ops:failure-detail", args=[key])
    return [WindowLink(LABELS[name], f"{url}?window={name}", name == window.name) for name in WINDOWS]


def _chart(detail: Detail, window: Window) -> ColumnChart:
    points = [*detail.group.points]
    times = TimeAxis(detail.start, detail.start + len(points) * detail.step)
    number = sum(points)
    summary = ngettext("%(n)s failure in %(window)s.", "%(n)s failures in %(window)s.", number) % {
        "n": _number(number),
        "window": LABELS[window.name],
    }
    return column_chart("failures", _("Failures"), summary, [Series(_("Failures"), "failure", points)], times)


def _traceback(group: Group) -> str:
    """Return what the newest of its tasks keeps of itself, else what was kept of its first one."""
    return next(_own_tracebacks(group), "") or capture_text(group.traceback, tail=True).text


def _own_tracebacks(group: Group) -> Iterator[str]:
    for sample in group.samples[:TRIED]:
        detail = task_detail(sample.task_id, ask_workers=False)
        if detail.task.state == states.FAILURE and detail.payload.traceback:
            yield detail.payload.traceback
