"""What was said of an entry is said again for as long as it holds, and no longer."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import BaseSchedule, crontab, schedule

from celery_ops.schedules.judging import looked_at
from celery_ops.schedules.surroundings import Surroundings
from tests.celery import app
from tests.schedule_source import entry

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
AROUND = Surroundings()


class In(crontab):
    """A crontab of a zone, as tables of schedules have them."""

    tz = None

    def __init__(self, zone, hour="2"):
        super().__init__(minute="30", hour=hour)
        self.tz = ZoneInfo(zone)


class OfTheSite(BaseSchedule):
    """It says nothing of itself, and cannot be compared."""

    def __repr__(self):
        return "<a schedule of the site>"

    def __eq__(self, other):
        raise RuntimeError("not to be compared")

    __hash__ = None


def said_of(schedule, **about):
    kept = replace(entry(schedule=schedule, last_run_at=NOW - timedelta(minutes=10), **about), expression="as before")
    return looked_at(kept, None, NOW, AROUND, app)


@pytest.mark.parametrize("make", [lambda: In("Europe/Berlin"), lambda: schedule(3600), lambda: None])
def test_of_an_entry_that_is_as_it_was_the_same_is_said(make):
    assert said_of(make()) is said_of(make())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (In("Europe/Berlin"), In("America/New_York")),
        (In("Europe/Berlin"), In("Europe/Berlin", hour="3")),
        (schedule(3600), schedule(7200)),
        (schedule(3600), schedule(3600, relative=True)),
        (crontab(minute="30", hour="2"), None),
    ],
    ids=["another zone", "another hour", "more seldom", "rounded", "none"],
)
def test_a_schedule_that_is_another_comes_at_other_times_though_it_is_written_as_before(before, after):
    first, second = said_of(before), said_of(after)
    assert first.next_due != second.next_due
    assert second.entry.schedule is after


def test_of_schedules_that_cannot_be_compared_each_is_looked_at():
    after = OfTheSite()
    said_of(OfTheSite())
    assert said_of(after).entry.schedule is after


@pytest.mark.parametrize(
    ("until", "due"),
    [
        (timedelta(hours=8), datetime(2026, 5, 2, 2, 30, tzinfo=timezone.utc)),
        (timedelta(hours=20), NOW + timedelta(hours=20)),
    ],
    ids=["nothing is due by then", "an occurrence waits for its end"],
)
def test_what_is_paused_for_a_while_is_due_when_beat_sends_it(until, due):
    nightly = entry(
        schedule=In("UTC"),
        last_run_at=NOW - timedelta(hours=9, minutes=30),
        start=NOW + until,
        paused_until=NOW + until,
    )
    assert looked_at(nightly, None, NOW, AROUND, app).next_due == due
