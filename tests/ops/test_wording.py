"""How times, lengths of time and counts read."""

from datetime import datetime, timedelta, timezone

import pytest
from django.utils import timezone as django_timezone
from django.utils import translation

from celery_ops import formatting
from celery_ops.formatting import Moment, ago, clean, count, duration
from celery_ops.task_query import Count

NOW = datetime(2026, 3, 14, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (0.9, "just now"),
        (1, "1 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86400, "1 d ago"),
        (27 * 86400, "27 d ago"),
        (28 * 86400, "2026-02-14"),
        (-5, "in 5 s"),
        (-7200, "in 2 h"),
        (-40 * 86400, "2026-04-23"),
    ],
)
def test_a_time_reads_in_one_unit(seconds, expected):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == expected


def test_words_are_those_of_the_language(monkeypatch, request):
    request.addfinalizer(formatting._ago.cache_clear)
    monkeypatch.setattr("celery_ops.formatting._", lambda text: f"{translation.get_language()} {text}")
    past = NOW - timedelta(minutes=4242 // 60)
    for language in ("de", "fr"):
        with translation.override(language):
            assert ago(past, NOW).startswith(f"{language} ")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 ms"),
        (0.34, "340 ms"),
        (1, "1.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 0 s"),
        (3725, "1 h 2 min"),
        (90000, "1 d 1 h"),
        (10**9, "11574 d 1 h"),
    ],
)
def test_a_length_of_time_reads_in_two_units(seconds, expected):
    assert duration(timedelta(seconds=seconds)) == expected


def test_an_unknown_length_is_empty():
    assert duration(None) == ""


def test_a_moment_is_exact_in_the_viewers_zone():
    with django_timezone.override("Asia/Tokyo"):
        moment = Moment.of(NOW, NOW)
    assert (moment.iso, moment.exact) == ("2026-03-14T21:00:00+09:00", "2026-03-14 21:00:00 JST")


def test_no_moment_is_none():
    assert Moment.of(None, NOW) is None


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_the_ends_of_time_are_said_somehow(moment):
    for zone in ("Asia/Tokyo", "America/Chicago"):
        with django_timezone.override(zone):
            assert Moment.of(moment.replace(tzinfo=timezone.utc), NOW).iso


@pytest.mark.parametrize(
    ("value", "expected"), [(Count(7), "7"), (Count(1234), "1,234"), (Count(10_000, capped=True), "10,000+")]
)
def test_a_count_reads_in_groups_and_says_when_it_stopped(value, expected):
    assert count(value) == expected


def test_what_no_page_can_carry_is_replaced_and_the_rest_stays():
    assert clean("a\x00b\ud800<é>\n") == "a\ufffdb\ufffd<é>\n"


def test_a_long_text_is_cut():
    assert clean("x" * 5000, 10) == "x" * 10 + "…"
