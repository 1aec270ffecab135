"""Round numbers and moments beside the axes, and where values lie on them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from celery_ops.charts import scale, words
from celery_ops.charts.times import MOST_TICKS, TimeAxis
from celery_ops.metrics.windows import WINDOWS


def labels(axis):
    return [tick.label for tick in axis.ticks]


@pytest.mark.parametrize(
    ("top", "written"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (7, ["0", "2", "4", "6", "8"]),
        (80, ["0", "20", "40", "60", "80"]),
        (999, ["0", "500", "1,000"]),
        (10**6, ["0", "500k", "1M"]),
        (3 * 10**9, ["0", "1G", "2G", "3G"]),
    ],
    ids=str,
)
def test_counts_are_written_in_round_numbers(top, written):
    assert labels(scale.of_counts(top)) == written


@pytest.mark.parametrize(
    ("durations", "written"),
    [
        ([], ["0", "0.5 s", "1 s"]),
        ([0.0002], ["0", "0.1 ms", "0.2 ms"]),
        ([0.04], ["0", "10 ms", "20 ms", "30 ms", "40 ms"]),
        ([1.4], ["0", "0.5 s", "1 s", "1.5 s"]),
        ([50, 60], ["0", "15 s", "30 s", "45 s", "60 s"]),
        ([7000], ["0", "0.5 h", "1 h", "1.5 h", "2 h"]),
        ([900_000], ["0", "5 d", "10 d", "15 d"]),
        ([0.02, 900], ["10 ms", "1 s", "1 min", "1 h"]),
    ],
    ids=str,
)
def test_durations_are_written_as_clocks_have_them(durations, written):
    assert labels(scale.of_seconds(durations)) == written


@pytest.mark.parametrize("durations", [[1e-9], [0.0], [1e-9, 5e-5], [1e-9, 1e12], [3.0, 1e30], [4e7, 4e9]], ids=str)
def test_no_duration_leaves_its_axis(durations):
    axis = scale.of_seconds(durations)
    assert all(0 <= axis.height(seconds) <= 100 for seconds in durations)


def test_what_is_longer_lies_higher():
    for axis in (scale.of_seconds([1, 2, 3]), scale.of_seconds([0.01, 1, 100])):
        heights = [axis.height(seconds) for seconds in (1, 2, 3)]
        assert heights == sorted(heights)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=lambda window: window.name)
def test_moments_are_round_on_the_viewers_clock(zone, window):
    with timezone.override(ZoneInfo(zone)):
        start, end = window.bounds(datetime(2026, 11, 29, 17, 8, tzinfo=ZoneInfo("UTC")).timestamp())
        ticks = TimeAxis(start, end).ticks
    assert 3 <= len(ticks) <= MOST_TICKS + 1
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    assert all(0 <= tick.at <= 100 for tick in ticks)
    assert all(tick.label.endswith((":00", "0", "5")) or window.seconds >= 86_400 for tick in ticks)


def test_days_begin_at_midnight_when_the_clock_is_put_back():
    zone = ZoneInfo("Europe/Berlin")
    with timezone.override(zone):
        axis = TimeAxis(
            datetime(2026, 10, 22, tzinfo=zone).timestamp(), datetime(2026, 10, 28, tzinfo=zone).timestamp()
        )
        assert labels(axis) == ["Thu 22", "Fri 23", "Sat 24", "Sun 25", "Mon 26", "Tue 27", "Wed 28"]
        assert axis.ticks[4].at == pytest.approx(axis.at(datetime(2026, 10, 26, tzinfo=zone).timestamp()))


@pytest.mark.parametrize("hour", ["2026-03-29 01:10", "2026-10-25 01:10"])
def test_no_moment_is_written_twice_where_the_clock_changes(hour):
    zone = ZoneInfo("Europe/Berlin")
    with timezone.override(zone):
        start = datetime.fromisoformat(hour).replace(tzinfo=zone).timestamp()
        axis = TimeAxis(start, start + 3600 * 3)
        assert len({tick.at for tick in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize(
    ("zone", "begins", "written"),
    [
        ("Europe/Berlin", "2026-10-25T01:00+00:00", ["02:00", *(f"02:{n}0" for n in range(1, 6)), "03:00"]),
        (
            "Australia/Lord_Howe",
            "2026-04-04T14:30+00:00",
            ["01:30", "01:40", "01:50", "01:30", "01:40", "01:50", "02:00"],
        ),
    ],
)
def test_an_hour_that_comes_twice_has_its_moments_both_times(zone, begins, written):
    start = datetime.fromisoformat(begins).timestamp()
    with timezone.override(ZoneInfo(zone)):
        axis = TimeAxis(start, start + 3600)
        assert labels(axis) == written
        assert [tick.at for tick in axis.ticks] == sorted({tick.at for tick in axis.ticks})


@pytest.mark.parametrize(
    ("seconds", "read"),
    [
        (None, "unknown"),
        (0, "0 ms"),
        (0.0003, "0.3 ms"),
        (0.2304, "230 ms"),
        (3.21, "3.2 s"),
        (150, "2.5 min"),
        (1e9, "11574 d"),
    ],
)
def test_a_duration_has_one_unit(seconds, read):
    assert words.seconds(seconds).replace(",", "") == read


@pytest.mark.parametrize(
    ("part", "read"),
    [(None, "unknown"), (0, "0 %"), (0.0001, "< 0.1 %"), (0.125, "12.5 %"), (0.9999, "> 99.9 %"), (1, "100 %")],
)
def test_few_failures_are_not_none(part, read):
    assert words.share(part) == read
