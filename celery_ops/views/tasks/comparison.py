"""How long one run took, among the runs of the same task."""

from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import ngettext

from ... import states
from ...charts import words
from ...charts.strip import Bucket, Strip, strip
from ...exceptions import StoreUnavailable
from ...formatting import duration
from ...info import TaskInfo, between
from ...links import insight_url
from ...metrics.distribution import Distribution, bound_of, bucket_of
from ...metrics.insight import insight
from ...metrics.switch import is_on
from ...metrics.windows import WINDOWS

#: How far back runs are compared, and how many of them are worth it.
WINDOW: Final = WINDOWS["7d"]
FEWEST: Final = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """A sentence, its picture, and the page of the task's charts."""

    sentence: str
    strip: Strip
    url: str


def comparison_of(task: TaskInfo) -> Comparison | None:
    """Return where a run lies among the others; None where it has none, or nobody knows how long they took."""
    took = between(task.started_at, task.finished_at)
    if took is None or not task.name or task.state not in (states.SUCCESS, states.FAILURE) or not is_on():
        return None
    try:
        runs = insight(WINDOW, task.name).run
    except StoreUnavailable:
        return None
    seconds = max(0.0, took.total_seconds())
    sentence = _sentence(runs, took) if runs.total >= FEWEST else ""
    buckets = [Bucket(bound_of(place), number) for place, number in enumerate(runs.counts)]
    picture = strip(sentence, buckets, bucket_of(seconds)) if sentence else None
    return Comparison(sentence, picture, insight_url(task=task.name, window=WINDOW.name)) if picture else None


def _sentence(runs: Distribution, took: timedelta) -> str:
    below = runs.share_below(max(0.0, took.total_seconds())) or 0.0
    is_long = below >= 0.5
    sentence = (
        ngettext(
            "This run took %(time)s: longer than %(share)s of the %(number)s run of the last 7 days.",
            "This run took %(time)s: longer than %(share)s of the %(number)s runs of the last 7 days.",
            runs.total,
        )
        if is_long
        else ngettext(
            "This run took %(time)s: shorter than %(share)s of the %(number)s run of the last 7 days.",
            "This run took %(time)s: shorter than %(share)s of the %(number)s runs of the last 7 days.",
            runs.total,
        )
    )
    return sentence % {
        "time": duration(took),
        "share": words.share(floor(100 * (below if is_long else 1 - below)) / 100),
        "number": number_format(runs.total, force_grouping=True),
    }
