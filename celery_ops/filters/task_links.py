"""The links of a task list that keep what is filtered by: a tab for each state, and handy stretches of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from .. import formatting, states, timezones
from ..task_query import Counts
from .task_fields import LONGEST_STATE
from .tasks import TaskFilterSet

#: Tabs for states of the site's own: tasks may write what they like there.
MOST_OWN: Final = 20


@dataclass(frozen=True, slots=True)
class FilterLink:
    """``count`` is empty when nothing was counted."""

    text: str
    url: str
    is_current: bool = False
    tone: str = ""
    count: str = ""


def state_tabs(filters: TaskFilterSet, counts: Counts | None) -> list[FilterLink]:
    """Return a tab for all states, then for each one that has tasks or is asked for; for every one uncounted."""
    chosen = filters.query.states
    tabs = [FilterLink("", filters.link(state=None), not chosen, count=formatting.count(counts.all) if counts else "")]
    for state in _tabbed(counts, chosen):
        count = formatting.count(counts.of(state)) if counts else ""
        tabs.append(
            FilterLink(formatting.clean(state), filters.link(state=[state]), state in chosen, states.tone(state), count)
        )
    return tabs


def _tabbed(counts: Counts | None, chosen: tuple[str, ...]) -> Iterator[str]:
    if counts is None:
        yield from states.ALL
        own = [state for state in chosen if state not in states.ALL]
    else:
        names = {state for state, count in counts.states.items() if count.number or count.capped} | set(chosen)
        yield from (state for state in states.ALL if state in names)
        own = [state for state in names if state not in states.ALL and _is_name(state)]
    yield from sorted(own)[:MOST_OWN]


def _is_name(state: str) -> bool:
    return len(state) <= LONGEST_STATE and state.isprintable()


def time_ranges(filters: TaskFilterSet) -> list[FilterLink]:
    """Return links to the last hour, today, yesterday and seven days, in the current time zone."""
    if "since" not in filters.filters:
        return []
    now = timezone.localtime(timezones.now())
    return [
        _range(filters, _("Last hour"), timezones.minute_text(timezones.now() - timedelta(hours=1))),
        _range(filters, _("Today"), _day(now)),
        _range(filters, _("Yesterday"), _day(now - timedelta(days=1)), _day(now - timedelta(days=1))),
        _range(filters, _("7 days"), _day(now - timedelta(days=6))),
    ]


def _range(filters: TaskFilterSet, text: str, since: str, until: str | None = None) -> FilterLink:
    parameters = filters.parameters
    is_current = parameters.get("since") == [since] and parameters.get("until") == ([until] if until else None)
    return FilterLink(
        text, filters.link(since=None if is_current else since, until=None if is_current else until), is_current
    )


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
