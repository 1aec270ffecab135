"""When entries are due, as Celery makes it, stepped through the nights in which clocks change."""

import copy
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from celery import Celery, schedules
from celery.beat import Scheduler
from celery.schedules import crontab, schedule

from celery_ops.schedules.due import due_after, upcoming

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def app_in(zone):
    app = Celery("zoned", set_as_current=False)
    app.conf.timezone = zone
    return app


def walls(zone, entry, begin, end):
    """Return when it is due between two local times, by the clock on the wall."""
    tz = ZoneInfo(zone)
    moments = upcoming(entry, begin.replace(tzinfo=tz), end.replace(tzinfo=tz))
    return [f"{moment.astimezone(tz):%d %H:%M %z}" for moment in moments]


@pytest.mark.parametrize(
    ("zone", "begin", "expected"),
    [
        # the second 02:30 of an autumn night is left out
        (BERLIN, datetime(2026, 10, 24, 12), ["25 02:30 +0200", "26 02:30 +0100"]),
        # 02:30 of a spring night does not exist: it comes an hour later
        (BERLIN, datetime(2026, 3, 28, 12), ["29 03:30 +0200", "30 02:30 +0200"]),
        (NEW_YORK, datetime(2026, 10, 31, 12), ["01 02:30 -0500", "02 02:30 -0500"]),
        (NEW_YORK, datetime(2026, 3, 7, 12), ["08 03:30 -0400", "09 02:30 -0400"]),
    ],
)
def test_a_nightly_entry_comes_once_in_a_night_whose_clock_changes(zone, begin, expected):
    entry = crontab("30", "2", app=app_in(zone))
    assert walls(zone, entry, begin, begin + timedelta(days=2)) == expected


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK])
@pytest.mark.parametrize("begin", [datetime(2026, 3, 7, 12), datetime(2026, 3, 28, 12), datetime(2026, 10, 24, 12)])
@pytest.mark.parametrize("parts", [("*/30", "1-3"), ("0", "*/6"), ("15", "*"), ("30", "2"), ("0", "0,12")])
def test_the_times_are_those_at_which_celerys_own_loop_sends(zone, begin, parts):
    """Beat's own loop is run by a clock that jumps to where it wants to wake up."""
    app, tz = app_in(zone), ZoneInfo(zone)
    end = begin + timedelta(days=2)
    moments = list(upcoming(crontab(*parts, app=app), begin.replace(tzinfo=tz), end.replace(tzinfo=tz)))
    assert moments
    late = end.replace(tzinfo=tz) + timedelta(minutes=1)
    sent = _loop(app, crontab(*parts, app=app), begin.replace(tzinfo=tz), late)
    assert [round((one - other).total_seconds()) for one, other in zip(moments, sent, strict=True)] == [0] * len(sent)


def _loop(app, entry_schedule, begin, end):
    """Return when beat's scheduler sends an entry of this schedule, run through these days."""
    clock = [begin.astimezone(timezone.utc)]

    def now():
        return clock[0].astimezone(entry_schedule.tz)

    entry_schedule.nowfun = now
    sent = []

    class Stepped(Scheduler):
        def setup_schedule(self):
            self.data = {"one": self.Entry("one", "task", last_run_at=now(), schedule=entry_schedule, app=app)}

        def apply_entry(self, entry, producer=None):
            sent.append(clock[0])

        @property
        def producer(self):
            return None

    beat = Stepped(app, max_interval=300)
    while clock[0] <= end.astimezone(timezone.utc):
        interval = beat.tick()
        clock[0] += timedelta(seconds=max(interval, 0.02))
    return [moment for moment in sent if moment <= end.astimezone(timezone.utc)]


def test_an_interval_counts_from_the_last_run():
    last = datetime(2026, 5, 1, 0, 30, tzinfo=timezone.utc)  # before 5.7 Celery adds to the wall's clock
    assert due_after(schedule(7200, app=app_in(BERLIN)), last) == last + timedelta(hours=2)


def test_what_was_missed_is_due_since_it_was_missed():
    last = datetime(2026, 5, 1, 2, 30, tzinfo=timezone.utc)
    assert due_after(crontab("30", "2", app=app_in("UTC")), last) == last + timedelta(days=1)


def test_asking_leaves_the_schedule_as_it_was():
    entry = crontab("30", "2", app=app_in(BERLIN))
    before = copy.copy(entry.__dict__)
    due_after(entry, datetime(2026, 5, 1, tzinfo=timezone.utc))
    assert {**entry.__dict__, "tz": None} == {**before, "tz": None}


def test_beats_own_observer_of_the_sun_is_not_moved():
    pytest.importorskip("ephem")
    entry = schedules.solar("sunset", 52, 13, app=app_in("UTC"))
    before = str(entry.cal.date)
    assert due_after(entry, datetime(2026, 5, 1, tzinfo=timezone.utc)) is not None
    assert str(entry.cal.date) == before


RULES = [
    {"freq": "SECONDLY", "interval": 7},
    {"freq": "MINUTELY", "interval": 13, "byhour": [8, 9]},
    {"freq": "HOURLY", "interval": 5, "byminute": [10, 40]},
    {"freq": "DAILY", "interval": 3},
    {"freq": "WEEKLY", "interval": 2, "byweekday": [0, 4]},
    {"freq": "WEEKLY", "interval": 3, "wkst": 6},
    {"freq": "MONTHLY", "bymonthday": 31},
    {"freq": "DAILY", "count": 5},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("offset", [timedelta(0), timedelta(hours=5, minutes=30)])
def test_a_recurrence_is_due_when_all_of_its_times_from_the_beginning_say_so(rule, offset):
    redbeat = pytest.importorskip("redbeat.schedules")
    begin = datetime(2026, 10, 20, 7, 30, 11, tzinfo=timezone(offset))  # as redbeat reads it
    recurrence = redbeat.rrule(dtstart=begin, app=app_in("UTC"), **rule)
    last, before = begin + timedelta(days=4, minutes=1), begin - timedelta(days=9)
    assert list(upcoming(recurrence, last, last + timedelta(days=9999), 30)) == [*recurrence.rrule.xafter(last, 30)]
    assert due_after(recurrence, before) == recurrence.rrule.after(before)


def test_a_recurrence_that_began_long_ago_is_not_gone_through_from_its_beginning():
    redbeat = pytest.importorskip("redbeat.schedules")
    begin, last = datetime(1, 1, 2, tzinfo=timezone.utc), datetime(2026, 5, 1, 12, 0, 30, tzinfo=timezone.utc)
    recurrence = redbeat.rrule("SECONDLY", dtstart=begin, app=app_in("UTC"))
    assert due_after(recurrence, last) == last + timedelta(seconds=1)
