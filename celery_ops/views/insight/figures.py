"""The charts and the numbers of the page, made of what is known of a window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ... import states
from ...backends.insight import Insight, Percentiles
from ...charts import words
from ...charts.chart import Event
from ...charts.columns import ColumnChart, Series, column_chart
from ...charts.lines import Durations, LineChart, line_chart
from ...charts.times import TimeAxis, words_of
from ...metrics.cells import SERIES
from ...metrics.distribution import Distribution
from ...metrics.windows import Window
from ...tables.links import PageLink

#: The states that a chart has, whatever it shows; the others where there are any.
ALWAYS: Final = (states.SUCCESS, states.FAILURE)
#: What a window is called within a sentence.
SPANS: Final = {
    "1h": gettext_lazy("the last hour"),
    "24h": gettext_lazy("the last 24 hours"),
    "7d": gettext_lazy("the last 7 days"),
    "30d": gettext_lazy("the last 30 days"),
}
#: The lines of a chart of durations: what each is called, of ``Percentiles``, and what it says.
PERCENTILES: Final = (("p50", "50 %"), ("p95", "95 %"), ("p99", "99 %"))


@dataclass(frozen=True, slots=True)
class Figures:
    """All charts of a page."""

    runs: ColumnChart
    wait: LineChart
    run: LineChart


def figures(insight: Insight, window: Window) -> Figures:
    """Return the charts of a window."""
    numbers = insight.numbers
    times = TimeAxis(numbers.start, numbers.end)
    events = [Event(release.moment, release.name) for release in insight.releases]
    return Figures(
        column_chart("runs", _("Throughput"), _throughput(insight, window), _series(insight), times, events),
        _durations("wait", _("Wait"), insight, numbers.waits, window, events),
        _durations("run", _("Run time"), insight, numbers.runs, window, events),
    )


def _series(insight: Insight) -> list[Series]:
    return [
        Series(words.state(state), states.tone(state), points)
        for state, points in insight.numbers.series.items()
        if state in ALWAYS or any(points)
    ]


def _throughput(insight: Insight, window: Window) -> str:
    totals = [f"{series.name} {words.number(series.total)}" for series in _series(insight)]
    step = words.seconds(window.step)
    return _("Ends of tasks in %(span)s, in steps of %(step)s: %(totals)s.") % {
        "span": SPANS[window.name],
        "step": step,
        "totals": ", ".join(totals),
    }


def _durations(
    key: str, title: str, insight: Insight, slots: Sequence[Distribution], window: Window, events: Sequence[Event]
) -> LineChart:
    numbers = insight.numbers
    whole = insight.wait if key == "wait" else insight.run
    by_slot = [Percentiles.of(slot) for slot in slots]
    lines = [
        Durations(label, name, [getattr(slot, name) for slot in by_slot], getattr(whole, name))
        for name, label in PERCENTILES
    ]
    summary = _(
        "%(title)s in %(span)s, in steps of %(step)s: half within %(p50)s, 95 %% within %(p95)s, 99 %% within %(p99)s."
    )
    labels = {"title": title, "span": SPANS[window.name], "step": words.seconds(window.times.step)}
    percentiles = {name: words.seconds(getattr(whole, name)) for name, _label in PERCENTILES}
    times = TimeAxis(numbers.start, numbers.end)
    return line_chart(key, title, summary % {**labels, **percentiles}, lines, numbers.times, times, events)


@dataclass(frozen=True, slots=True)
class Headline:
    """A number that is read before all others, and where what it counts is listed."""

    label: str
    value: str
    url: str = ""
    is_wrong: bool = False

    @property
    def link(self) -> PageLink:
        return PageLink(self.value, self.url)


def headlines(insight: Insight, list_url: Any) -> list[Headline]:
    """Return the numbers above the charts; ``list_url(*states)`` is where their tasks are, empty for nowhere."""
    numbers = insight.numbers
    failed = bool(numbers.failure_rate)
    return [
        Headline(_("Runs"), number_format(numbers.run_count, force_grouping=True), list_url(*ALWAYS)),
        Headline(
            _("Failure rate"), words.share(numbers.failure_rate), list_url(states.FAILURE) if failed else "", failed
        ),
        Headline(_("Wait, 95 %"), words.seconds(insight.wait.p95)),
        Headline(_("Run time, 95 %"), words.seconds(insight.run.p95)),
    ]


def insight_item(insight: Insight, window: Window) -> dict[str, Any]:
    """Return what ``api-insight`` answers: times in seconds, those of ``start`` and ``end`` since the epoch."""
    numbers = insight.numbers
    return {
        "window": window.name,
        "step": numbers.step,
        "start": numbers.start,
        "end": numbers.end,
        "series": [{"state": state, "points": list(numbers.series[state])} for state in SERIES],
        "wait": _item(insight.wait),
        "run": _item(insight.run),
    }


def _item(percentiles: Percentiles) -> dict[str, float | None]:
    return {name: getattr(percentiles, name) for name, _label in PERCENTILES}


def releases_of(insight: Insight) -> list[tuple[str, str]]:
    """Return when the code changed within the window and to which release, the newest first."""
    numbers = insight.numbers
    within = [release for release in insight.releases if numbers.start <= release.moment < numbers.end]
    moments = words_of(release.moment for release in within)
    return [*zip(moments, (release.name for release in within), strict=True)][::-1]
