"""What is made of a beat's newest sign: how it is now, which a minute of silence and a loop that stands still say."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from celery_ops.schedules import board
from celery_ops.schedules.beat_problems import of_beats
from celery_ops.schedules.board import HeardSign, Sign
from celery_ops.schedules.report import _beat

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def heard(age, still=0.0, interval=300.0, **fields):
    sign = Sign("t", "host", 7, "celery.beat.PersistentScheduler", "tests", 0, 600.0, still, interval, 3, **fields)
    beat = _beat(HeardSign(sign, 0, age), NOW)
    return "stuck" if beat.is_stuck else "silent" if beat.is_silent else "well"


@pytest.mark.parametrize(
    ("age", "still", "expected"),
    [
        (5, 3, "well"),
        (59, 3, "well"),  # it may have been killed a moment after it was seen to move
        (61, 3, "silent"),
        (14, 45, "well"),
        (14, 47, "stuck"),
        (2, 600, "stuck"),
        (61, 600, "silent"),  # its process is gone as well
    ],
)
def test_how_a_beat_is(age, still, expected):
    assert heard(age, still) == expected


def test_however_seldom_a_loop_looks_it_stands_still_after_a_minute():
    assert heard(2, 61, interval=86_400.0) == "stuck"


@pytest.mark.parametrize(
    ("begun", "expected"),
    [(-605, []), (-640, []), (2995, ["ahead"]), (-4205, ["behind"])],
)
def test_a_clock_that_differs_is_named(begun, expected):
    """``begun`` says when beat began by its own clock, which was 605 seconds ago."""
    started = int((NOW.timestamp() + begun) * 1000)
    sign = Sign("t", "host", 7, "celery.beat.PersistentScheduler", "tests", started, 600.0, 0.0, 5.0, 3)
    problems = list(of_beats([_beat(HeardSign(sign, 0, 5.0), NOW)], True, 3))
    assert [problem.code for problem in problems] == ["beat_clock"] * len(expected)
    assert [word for word in expected if word in problems[0].sentence] == expected


def test_who_waits_for_a_lock_or_has_ended_does_not_stand_still():
    assert heard(2, 600, is_standby=True) == "well"
    assert heard(2, 600, has_ended=True) == "well"
    assert heard(61, 600, has_ended=True) == "silent"


@pytest.mark.parametrize(
    "value", [10**400, -1, float("nan"), float("inf"), 1e308, None, True, [], "5"], ids="{!r:.20}".format
)
@pytest.mark.parametrize("part", ["up", "still", "max_interval", "pid", "started", "entries"])
def test_a_sign_that_no_beat_gave_is_none_and_hides_no_other(memory_store, part, value):
    sign = Sign("t", "host", 7, "celery.beat.PersistentScheduler", "tests", 0, 600.0, 0.0, 5.0, 3)
    board.give(sign, 0)
    board.give(replace(sign, **{part: value}), 1)
    assert [one.sign for one in board.signs()] == [sign]


def test_a_sign_that_json_writes_in_whole_numbers_is_the_same(memory_store):
    sign = Sign("t", "host", 7, "celery.beat.PersistentScheduler", "tests", 0, 600, 0, 5, 3)
    board.give(sign, 0)
    assert [repr(one.sign.up) for one in board.signs()] == ["600.0"]
