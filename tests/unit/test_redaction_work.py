"""Redaction takes no longer for one text than for another, and four times as long for one of four times the length."""

import json
import sys
import time
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celery_ops import redaction
from celery_ops.info import TaskInfo
from celery_ops.payload import payload
from celery_ops.redaction import budget
from celery_ops.redaction.budget import Budget
from celery_ops.redaction.text import CUT, REDACTED, spans_of
from celery_ops.redaction.walk import site
from tests.ordinary_texts import TEXTS, VALUES
from tests.worst_texts import UNITS, arguments_of, text_of, values_of

pytestmark = pytest.mark.measures

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
def test_sixteen_times_the_text_is_sixteen_times_the_work(unit):
    ratio = work(text_of(unit, 32_000)) / work(text_of(unit, 2_000))
    assert ratio < 60  # and 256 where each place is looked through to the end


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


# -- what is ordinary is shown


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_ordinary_text_of_6_kb_is_shown_as_far_as_there_is_room(text):
    shown = redaction.capture_text(text).text
    assert shown.removesuffix(CUT) == text[: len(shown.removesuffix(CUT))]
    assert len(shown.encode()) > redaction.MAX_BYTES - 8


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_twenty_ordinary_arguments_are_shown_whole(text):
    args = tuple(text[n * 200 : n * 200 + 80 // (1 + (not text.isascii()) * 2)] for n in range(20))
    assert redaction.capture_arguments(args, {"order_id": 5}).exact


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_ordinary_text_beside_a_password_is_shown(text):
    shown = json.loads(redaction.capture_arguments((text,), {"password": "hunter2"}).text)["args"][0]
    assert len(shown) > 150
    assert shown.removesuffix(CUT) == text[: len(shown.removesuffix(CUT))]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_an_ordinary_value_is_shown_whole(value):
    assert redaction.capture_arguments((value,), {"order_id": 5}) == redaction.Captured(
        json.dumps({"args": [value], "kwargs": {"order_id": 5}}, ensure_ascii=False), True
    )
    assert json.loads(redaction.capture_arguments((value,), {"password": "hunter2"}).text)["args"] == [value]


@pytest.mark.parametrize("name", ["traceback", "log", "JSON", "URLs", "prose"])
def test_a_page_of_ordinary_rows_is_shown_to_its_end(name):
    page, text = Budget.of_page(), TEXTS[name]
    task = TaskInfo("1", "shop.nap", error=text[:100], traceback=text, args="(1,)", kwargs="{}")
    shown = [payload.shown(task, page) for _ in range(200)]
    assert shown[-1] == shown[0]
    assert shown[0].traceback.removeprefix(CUT) == text[-len(shown[0].traceback.removeprefix(CUT)) :]
    assert REDACTED not in str(shown[0])


# -- what a step is worth

#: Calls of a text beside those that its steps pay for, and calls that a step pays for.
CALLS_OF_A_TEXT, CALLS_A_STEP = 120, 12


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
@pytest.mark.parametrize("tail", [False, True])
def test_whatever_is_looked_at_is_paid_for(unit, tail):
    spent = Budget(ENDLESS, ENDLESS)
    calls = calls_of(redaction.capture_text, text_of(unit, 8_000), tail=tail, budget=spent)
    assert calls <= CALLS_OF_A_TEXT + CALLS_A_STEP * (ENDLESS - spent.steps)


#: Calls of a row for which no steps are left.
CALLS_OF_A_ROW = 1_000


class Counted(Budget):
    """A page's budget that counts the steps it was asked for and those it gave."""

    asked = given = 0

    def step(self, steps=1):
        self.asked += steps
        is_given = super().step(steps)
        self.given += steps * is_given
        return is_given


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_the_steps_of_a_page_bound_what_is_looked_at_in_all_its_rows(unit):
    page, text = Counted(ENDLESS, 2_000), text_of(unit, 8_000)
    task = TaskInfo("1", "shop.nap", args=repr((text[:900],)), kwargs="{}", error=text, traceback=text)
    while not page.is_spent:
        payload.shown(task, page)
    assert page.given <= 2_000
    asked = page.asked
    assert calls_of(payload.shown, task, page) < CALLS_OF_A_ROW
    assert page.asked - asked < 100  # a text is left at the first step that is refused
    assert page.given <= 2_000


def test_a_page_has_the_steps_of_a_field_for_each_of_its_rows():
    assert Budget.of_page().steps == budget.PAGE_STEPS == 200 * budget.STEPS


#: What 6 KB may call, however they are written, nested and repeated.
MOST_CALLS_OF_6_KB = 20_000

LEAVES = (
    st.sampled_from(UNITS) | st.text() | st.integers() | st.floats() | st.none() | st.dates() | st.binary(max_size=9)
)
PARTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.sampled_from(UNITS) | st.text(), inner),
    max_leaves=9,
)


def nested(parts, width):
    while len(parts) > width:
        parts = [parts[at : at + width] for at in range(0, len(parts), width)]
    return parts


@given(st.lists(PARTS, min_size=1, max_size=9), st.sampled_from([3, 5, 20]), PARTS)
@settings(deadline=None)
def test_no_6_kb_of_any_kind_are_much_work(parts, width, password):
    args = list(islice(cycle(parts), 6_000 * len(parts) // (len(repr(parts)) + 1) + 1))
    assert calls_of(redaction.capture_arguments, [nested(args, width)], {"password": password}) < MOST_CALLS_OF_6_KB
    assert calls_of(redaction.capture_arguments, args, {"password": password}) < MOST_CALLS_OF_6_KB


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_short_texts_that_differ_and_repeat_a_password_are_no_more_work(unit):
    for size in (2, 5, 15, 70, 300):
        texts = [f"{number}{text_of(unit, size)}" for number in range(6_000 // (size + 6))]
        for args in (nested(texts, 20), [{text: number} for number, text in enumerate(texts)]):
            calls = calls_of(redaction.capture_arguments, (args,), {"password": text_of(unit, 4)})
            assert calls < MOST_CALLS_OF_6_KB


def test_many_passwords_that_are_written_in_many_ways_are_no_more_work():
    passwords = [f"s{number}\n'é%" for number in range(64)]
    args = (nested([f"\\%% {number}" for number in range(300)], 20), "z" * 2100)
    assert calls_of(redaction.capture_arguments, args, {"password": passwords}) < MOST_CALLS_OF_6_KB


@pytest.mark.parametrize("value", values_of(6_000).values(), ids=values_of(6_000))
def test_values_that_are_many_for_their_length_are_no_more_work(value):
    assert calls_of(redaction.capture_arguments, (value,), {"password": "hunter2"}) < MOST_CALLS_OF_6_KB
