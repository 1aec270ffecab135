"""Columns, lines and strips: where everything lies, and how it is written."""

import re

import pytest

from celery_ops.charts.chart import Event, marks
from celery_ops.charts.columns import LEAST, Series, column_chart
from celery_ops.charts.lines import Durations, line_chart
from celery_ops.charts.strip import Bucket, strip
from celery_ops.charts.times import TimeAxis
from celery_ops.metrics.distribution import BUCKETS, bound_of, bucket_of

HOUR = TimeAxis(1_796_054_400, 1_796_058_000)


def columns(**points):
    series = [Series(kind.upper(), kind, numbers) for kind, numbers in points.items()]
    return column_chart("runs", "Runs", "How many.", series, HOUR)


def lines(*points, title="Run time"):
    begins = [HOUR.start + place * 3600 / len(points) for place in range(len(points))]
    return line_chart("run", title, "How long.", [Durations("p50", "p50", points, 1.0)], begins, HOUR)


def blocks(chart):
    return {stack.kind: stack.blocks for stack in chart.stacks}


def test_columns_stand_on_each_other():
    chart = blocks(columns(success=[30], failure=[10]))
    (success,), (failure,) = chart["success"], chart["failure"]
    assert success.y + success.height == 100
    assert failure.y + failure.height == pytest.approx(success.y)
    assert success.height == pytest.approx(3 * failure.height)


def test_one_failure_beside_a_million_can_be_seen_and_no_column_leaves_the_chart():
    chart = blocks(columns(success=[10**6], failure=[1], retry=[1], revoked=[1], rejected=[1]))
    assert [kind for kind, (block,) in chart.items() if block.height < LEAST] == []
    assert all(block.y >= -1e-9 for (block,) in chart.values())


def test_a_step_without_runs_has_no_column():
    chart = columns(success=[0, 2, 0], failure=[0, 1, 0], retry=[0, 0, 0])
    assert [slot.title.partition(": ")[2] for slot in chart.slots] == ["SUCCESS 2, FAILURE 1"]
    assert {kind: len(of_kind) for kind, of_kind in blocks(chart).items()} == {"success": 1, "failure": 1}


def test_a_table_says_the_same_newest_first():
    frame = columns(success=[1, 0, 2000], failure=[0, 0, 1]).frame
    assert [row.cells for row in frame.rows] == [["2,000", "1"], ["1", "0"]]
    assert frame.rows[0].time != frame.rows[1].time


def test_a_line_has_a_gap_where_nothing_is_known():
    (line,) = lines(1.0, 2.0, None, 4.0).lines
    assert len(line.points) == 3
    assert re.sub(r"[\d. ]+", "", line.path) == "MLM"


@pytest.mark.parametrize("points", [[None, None], [None]], ids=str)
def test_a_chart_of_nothing_says_so(points):
    html = str(lines(*points))
    assert "Nothing in this time." in html
    assert "<table" not in html


def test_a_single_point_has_a_dot():
    assert str(lines(None, 2.0, None)).count("<circle") == 1


def test_a_chart_has_a_name_a_description_and_a_table():
    html = str(columns(success=[1, 2]))
    assert 'role="img"' in html
    assert "<title>Runs</title>" in html
    assert "<desc>How many.</desc>" in html
    assert html.count("<tr>") == 3


@pytest.mark.parametrize("name", ["columns", "lines"])
def test_a_chart_is_clean_under_a_strict_policy(name):
    chart = columns(success=[1]) if name == "columns" else lines(1.0)
    html = str(chart)
    assert not re.search(r"style=|<style|<script|\son\w+=|href=", html)


def test_names_are_text_and_no_markup():
    html = str(lines(1.0, title="</title><script>alert(1)</script>"))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_marks_that_are_close_leave_the_name_to_the_latest():
    events = [Event(HOUR.start + 1000, "a"), Event(HOUR.start + 1060, "b"), Event(HOUR.end - 1, "c"), Event(0, "old")]
    assert [mark.label for mark in marks(events, HOUR)] == ["", "b", "c"]
    assert [mark.title for mark in marks(events, HOUR)] == ["a", "b", "c"]


def test_a_mark_at_the_end_has_its_name_before_it():
    (mark,) = marks([Event(HOUR.end - 1, "release-of-november")], HOUR)
    assert mark.is_late
    assert mark.label == "release-of-…"


def buckets(*durations):
    counts = [0] * BUCKETS
    for seconds in durations:
        counts[bucket_of(seconds)] += 1
    return [Bucket(bound_of(place), number) for place, number in enumerate(counts)]


def test_a_run_lies_among_the_others():
    among = strip("Among others", buckets(*[1.0] * 10, 2.0, 4.0), bucket_of(2.0))
    assert among.bars[0].x < among.at < among.bars[-1].x
    assert max(bar.height for bar in among.bars) == 100


@pytest.mark.parametrize("seconds", [0.0, 1e-4, 1.0, 1e9])
def test_a_mark_lies_within_the_strip_however_long_the_run_was(seconds):
    among = strip("Among others", buckets(1.0), bucket_of(seconds))
    assert 0 < among.at < 100
    assert len(among.ticks) > 1


def test_a_strip_of_nothing_is_none():
    assert strip("Among others", buckets(), 5) is None
