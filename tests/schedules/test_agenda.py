"""When entries are due in a stretch of time, as few marks."""

from datetime import datetime, timedelta, timezone

import pytest
from celery.schedules import crontab, schedule

from celery_ops.schedules.agenda import stretches
from celery_ops.schedules.info import ScheduleInfo
from tests.schedule_source import entry

START = datetime(2026, 3, 10, 6, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)
GAP = timedelta(minutes=30)


def due(kind, first=START, gap=GAP, **about):
    kind.tz = timezone.utc
    return stretches(ScheduleInfo(entry(schedule=kind, **about), next_due=first), START, START + DAY, gap)


def clocks(times):
    return [(f"{one.first:%H:%M}", f"{one.last:%H:%M}") for one in times]


def test_what_comes_seldom_is_a_mark_each():
    times = due(crontab(minute="0", hour="*/6"))
    assert [f"{one.first:%H:%M}" for one in times] == ["06:00", "12:00", "18:00", "00:00", "06:00"]
    assert not any(one.is_band for one in times)


def test_what_comes_every_ten_seconds_is_one_band():
    (band,) = due(schedule(10))
    assert band.is_band
    assert band.last >= START + DAY - timedelta(minutes=1)


def test_a_band_ends_where_its_schedule_does():
    times = due(crontab(minute="*", hour="9-10,15"), first=START.replace(hour=9))
    assert clocks(times) == [("09:00", "10:59"), ("15:00", "15:59")]


@pytest.mark.parametrize("kind", [schedule(0.001), crontab(), crontab(minute="*/29"), schedule(1801)])
def test_marks_are_bounded_by_the_gap(kind):
    assert len(due(kind)) <= DAY / GAP + 1


def test_what_is_overdue_is_due_at_once():
    times = due(crontab(minute="0", hour="12"), first=START - timedelta(hours=5))
    assert [f"{one.first:%H:%M}" for one in times] == ["06:00", "12:00"]


def test_what_is_sent_once_is_one_mark():
    assert clocks(due(schedule(10), one_off=True)) == [("06:00", "06:00")]
    assert clocks(due(crontab(minute="0"), one_off=True)) == [("06:00", "06:00")]


def test_nothing_is_due_from_when_it_expires():
    assert clocks(due(crontab(minute="0"), expires=START + timedelta(hours=2))) == [
        ("06:00", "06:00"),
        ("07:00", "07:00"),
    ]
    assert clocks(due(schedule(10), expires=START + timedelta(hours=2))) == [("06:00", "07:59")]
    assert due(schedule(10), expires=START) == []


def test_a_schedule_that_raises_has_none():
    class Broken(schedule):
        def remaining_estimate(self, last_run_at):
            raise ValueError("no")

    assert due(Broken(10)) == []
    assert stretches(ScheduleInfo(entry()), START, START + DAY, GAP) == []
