"""What was due while nothing was sent for it, each beside what is nearly so and was not missed."""

from datetime import datetime, timedelta, timezone

import pytest
from celery.schedules import crontab, schedule

from celery_ops.schedules import missing
from celery_ops.schedules.info import DATABASE, Entry, Occurrence, ScheduleInfo
from celery_ops.schedules.missing import missed, with_missed

NOW = datetime(2026, 5, 1, 12, 0, 30, tzinfo=timezone.utc)
EVERY_TEN = crontab(minute="*/10")


def at(text):
    return datetime.fromisoformat(f"2026-05-01T{text}+00:00")


def of(*occurrences, kept=EVERY_TEN, next_due=None, **entry):
    one = Entry("one", "task", DATABASE, str(kept), schedule=kept, **entry)
    return ScheduleInfo(
        one, next_due=next_due, overdue=next_due is not None and next_due < NOW, occurrences=occurrences
    )


def times(lapses):
    return [f"{one.due:%H:%M}" for one in lapses.occurrences]


def test_the_times_of_an_hours_outage_were_missed_but_the_one_that_was_sent():
    lapses = missed(of(Occurrence(at("09:10"), at("10:12"), "b"), Occurrence(at("09:00"), at("09:00"), "a")), NOW)
    assert times(lapses) == ["10:10", "10:00", "09:50", "09:40", "09:30", "09:20"]
    assert all(one.sent is None for one in lapses.occurrences)
    assert (lapses.more, lapses.is_counted) == (0, True)


def test_what_is_due_when_beat_sends_is_not_missed():
    assert times(missed(of(Occurrence(at("09:10"), at("09:30:01"), "b")), NOW)) == ["09:20"]


def test_what_was_sent_in_time_has_missed_nothing():
    assert times(missed(of(Occurrence(at("09:10"), at("09:10:04"), "b"), next_due=at("12:10")), NOW)) == []


def test_all_since_an_entry_is_overdue_was_missed():
    assert times(missed(of(next_due=at("11:30")), NOW)) == ["12:00", "11:50", "11:40", "11:30"]


def test_an_interval_counts_from_its_run():
    lapses = missed(of(Occurrence(at("09:03"), at("10:00"), "b"), kept=schedule(1200)), NOW)
    assert times(lapses) == ["09:43", "09:23"]


def test_of_an_entry_that_had_another_schedule_then_nothing_is_told():
    assert times(missed(of(Occurrence(at("09:07"), at("11:07"), "b")), NOW)) == []


@pytest.mark.parametrize("entry", [{"one_off": True}, {"kept": None}])
def test_what_comes_once_or_by_no_schedule_has_missed_nothing_more(entry):
    assert times(missed(of(Occurrence(at("09:10"), at("10:12"), "b"), **entry), NOW)) == []


def test_the_newest_are_named_and_the_others_counted():
    lapses = missed(of(next_due=at("08:00"), kept=crontab()), NOW)
    assert (len(lapses.occurrences), lapses.more, lapses.is_counted) == (missing.MOST_NAMED, 241 - 50, True)
    assert times(lapses)[0] == "12:00"


def test_of_a_stretch_without_end_the_first_are_named():
    long_ago = NOW - timedelta(days=300)
    lapses = missed(of(next_due=long_ago, kept=crontab()), NOW)
    assert not lapses.is_counted
    assert len(lapses.occurrences) + lapses.more == missing.MOST_COUNTED
    assert lapses.occurrences[-1].due == long_ago


def test_a_schedule_that_raises_has_missed_nothing():
    class Wrong(crontab):
        def remaining_estimate(self, last_run_at):
            raise ValueError("wrong")

    assert times(missed(of(Occurrence(at("09:10"), at("10:12"), "b"), kept=Wrong()), NOW)) == []


def test_missed_ones_stand_among_the_others_by_their_time():
    kept = (Occurrence(at("09:10"), at("09:31"), "b"), Occurrence(at("09:00"), at("09:00"), "a"))
    both = with_missed(kept, missed(of(*kept), NOW))
    assert [(f"{one.due:%H:%M}", one.task_id) for one in both] == [
        ("09:30", None),
        ("09:20", None),
        ("09:10", "b"),
        ("09:00", "a"),
    ]
