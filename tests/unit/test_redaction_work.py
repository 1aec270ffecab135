"""Redaction takes no longer for one text than for another, and four times as long for one of four times the length."""

import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops import redaction
from celery_ops.info import TaskInfo
from celery_ops.payload import payload
from celery_ops.redaction import budget
from celery_ops.redaction.budget import Budget
from celery_ops.redaction.text import CUT, REDACTED, spans_of
from celery_ops.redaction.walk import site
from tests.worst_texts import UNITS, arguments_of, text_of

ENDLESS = 10**9
SECRETS = ("hunter2", "sec/ret", "key=1")


def work(text: str) -> float:
    """Seconds of this thread, which no busy machine makes more: the least of some."""
    taken = []
    for _ in range(3):
        begin = time.thread_time()
        spans = list(spans_of(text, site()[0], SECRETS, headless=True, budget=Budget(ENDLESS, ENDLESS)))
        taken.append(time.thread_time() - begin)
    assert all(0 <= start <= end for start, end in spans)
    return min(taken)


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_four_times_the_text_is_four_times_the_work(unit):
    ratios = (work(text_of(unit, 16_000)) / work(text_of(unit, 4_000)) for _ in range(3))
    assert any(ratio < 9 for ratio in ratios)  # and 16 where each place is looked through to the end


def calls_of(function, *args, **kwargs):
    """How many functions of Python and C a call goes through: a measure that is the same on any machine."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        function(*args, **kwargs)
    finally:
        sys.setprofile(None)
    return count


#: What a 6 KB argument of the worst text may call; a megabyte may call some more for being many.
MOST_CALLS = 30_000


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_no_argument_is_much_work_whatever_is_in_it(unit):
    for size, most in ((6_000, MOST_CALLS), (1_000_000, 4 * MOST_CALLS)):
        for args in arguments_of(unit, size):
            assert calls_of(redaction.capture_arguments, args, {"password": "hunter2"}) < most


@given(st.text(alphabet="key=:'\"[](){}\\ 42@/-eyJp.\n\x00é…DEA") | st.text(), st.sampled_from([1, 30, 1000]))
def test_no_text_of_any_kind_is_much_work(text, times):
    args = ([text * times, [text] * times],)
    assert calls_of(redaction.capture_arguments, args, {"password": text[:50]}) < MOST_CALLS
    assert calls_of(redaction.capture_text, text * times, secrets=("hunter2",), tail=True) < MOST_CALLS


# -- what there is no budget for


def test_a_text_with_too_many_keys_is_hidden_from_where_it_is_too_many():
    shown = redaction.capture_text("words, " + "key=1 " * 300 + "hunter2").text
    assert shown.startswith(f"words, key={REDACTED} key=")
    assert shown.count("key=") <= budget.STEPS
    assert "hunter2" not in shown


def test_a_value_of_too_many_texts_ends_where_the_looking_ends():
    many = [["word " * 2000] * 20] * 20
    shown = json.loads(redaction.capture_arguments((many,), {"order_id": 5}).text)
    assert len(shown["args"][0][0]) < 10
    assert shown["kwargs"] == {"order_id": 5}


def test_a_page_has_one_budget_for_all_its_fields():
    page = Budget(10_000)
    first, *_, last = [redaction.capture_text("word " * 200, budget=page.field()).text for _ in range(20)]
    assert (first, last) == ("word " * 200, CUT)


def test_a_page_of_long_tracebacks_is_within_its_budget():
    page = Budget.of_page()
    task = TaskInfo("1", "shop.nap", error="ValueError: no", traceback="line\n" * 5000, args="(1,)", kwargs="{}")
    shown = [payload.shown(task, page) for _ in range(200)]
    assert shown[-1] == shown[0]
    assert shown[0].traceback.endswith("line\n")
