"""Schedules in plain words."""

import time
from datetime import timedelta

import pytest
from celery.schedules import crontab, schedule
from django.conf import settings
from django.utils import translation

from celery_ops.schedules.words import LONGEST_EXPRESSION, LONGEST_WORDS, expression, words


@pytest.fixture(autouse=True)
def _in_the_zone_of_celery():
    from django.utils import timezone

    with timezone.override("UTC"):
        yield


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (crontab("*/5"), "Every 5 minutes"),
        (crontab("30", "2"), "At 02:30"),
        (crontab("30", "2", day_of_week="mon-fri"), "At 02:30, Monday through Friday"),
        (crontab("0", "4", day_of_month="1"), "At 04:00, on day 1 of the month"),
        (schedule(30), "Every 30 seconds"),
        (schedule(timedelta(days=1)), "Every day"),
        (schedule(90 * 60), "Every 90 minutes"),
        (schedule(1), "Every second"),
        (schedule(0.5), "Every 0.5 seconds"),
    ],
)
def test_a_schedule_is_worded(entry, expected):
    assert words(entry).replace(f", {settings.TIME_ZONE}", "").replace(", UTC", "") == expected


def test_a_day_of_the_month_and_one_of_the_week_must_both_be():
    """Unix's cron takes either; Celery wants both, whatever the library says."""
    text = words(crontab("0", "0", day_of_month="13", day_of_week="fri"))
    assert text.startswith("At 00:00, on day 13 of the month, only on Friday")
    assert "or on" not in text


def test_a_range_that_wraps_around_is_worded_by_its_days():
    assert "Sunday, Monday, Friday, and Saturday" in words(crontab("0", "22", day_of_week="fri-mon"))


def test_a_step_that_leaves_nothing_out_is_every_minute():
    assert words(crontab("*/1,*/1,*/1")).startswith("Every minute")


def test_words_are_the_readers_and_days_too():
    with translation.override("de"):
        text = words(crontab("30", "2", day_of_week="mon-fri"))
    assert text.startswith("Um 02:30, Montag bis Freitag")


@pytest.mark.parametrize(
    ("language", "expected"),
    [("ja", "12:00\u3001毎月 29 日\u30012月のみ"), ("zh-hans", "在 12:00\uff0c每月的 29 号\uff0c仅在二月")],
)
def test_words_are_in_the_readers_punctuation(language, expected):
    with translation.override(language):
        assert words(crontab("0", "12", day_of_month="29", month_of_year="2")).startswith(expected)


@pytest.mark.parametrize("language", ["en", "en-gb", "eo"])
def test_words_are_english_where_there_are_none_of_the_readers_whatever_the_process_speaks(monkeypatch, language):
    monkeypatch.setattr("locale.getlocale", lambda *category: ("de_DE", "UTF-8"))
    with translation.override(language):
        assert words(crontab("17", "3", day_of_week="mon")).startswith("At 03:17, only on Monday")


def test_another_zone_than_the_readers_is_named():
    assert words(crontab("30", "2")).endswith(f", {settings.TIME_ZONE}")


@pytest.mark.parametrize(
    "minute",
    [
        pytest.param(",".join(["*/1"] * 30_000), id="steps"),
        pytest.param(",".join(["1"] * 50_000), id="numbers"),
        pytest.param(",".join(["1-58/3", "2"] * 10_000), id="ranges"),
    ],
)
def test_a_hostile_crontab_costs_nothing_and_says_little(minute):
    entry = crontab(minute)
    begin = time.process_time()
    text, printed = words(entry), expression(entry)
    assert time.process_time() - begin < 0.5  # a hundred times what it takes
    assert len(text) <= LONGEST_WORDS
    assert len(printed) <= LONGEST_EXPRESSION + 10


def test_what_cannot_be_worded_is_empty():
    class Odd:
        def __repr__(self):
            raise RuntimeError("no")

    assert words(Odd()) == ""
    assert expression(Odd()) == "Odd"
    assert words(crontab(minute=",".join(map(str, range(0, 60, 3))))) == ""
