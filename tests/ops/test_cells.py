"""Cells of a table: what a column says of a value is written once, and is what it says of that value."""

from types import SimpleNamespace

import pytest
from django.utils.safestring import mark_safe

from celery_ops.tables.base import OpsTable
from celery_ops.tables.columns import NumberColumn, StateColumn, TextColumn, with_choice
from celery_ops.tables.kept import kept
from celery_ops.tables.links import PageLink


class Said(TextColumn):
    """It notes what it is asked."""

    asked: list = []

    def render(self, value):
        self.asked.append(value)
        return value


class Table(OpsTable):
    text = Said()
    number = NumberColumn()
    state = StateColumn()


@pytest.fixture(autouse=True)
def _nothing_was_said():
    Said.asked.clear()
    kept.forget()


def cells(*values, column="text"):
    nothing = dict.fromkeys(("text", "number", "state"))
    table = Table([SimpleNamespace(**{**nothing, column: value}, tone="quiet") for value in values])
    return [dict(zip(table.columns.names(), line, strict=True))[column][1] for _attrs, line in table.lines()]


def test_a_value_is_written_once_for_all_rows():
    assert cells("a", "b", "a", "a") == ["a", "b", "a", "a"]
    assert Said.asked == ["a", "b"]


def test_what_is_html_and_what_only_reads_like_it_are_two_things():
    assert cells("<b>", mark_safe("<b>"), "<b>") == ["&lt;b&gt;", "<b>", "&lt;b&gt;"]


def test_alike_values_of_other_kinds_are_two_things():
    assert cells(1, True, 1.0) == [1, True, 1.0]
    assert [type(value) for value in Said.asked] == [int, bool, float]


def test_what_is_no_key_is_written_each_time():
    assert cells(["a"], ["a"]) == [["a"], ["a"]]
    assert len(Said.asked) == 2


def test_numbers_are_left_to_the_template_to_be_localised():
    assert cells(1234, 1234, column="number") == ["1,234", "1,234"]


def test_states_and_choices_escape_what_they_are_given():
    (state,) = cells("<i>", column="state")
    assert "&lt;i&gt;" in state
    box = {"form": "f", "name": "n", "label": 'say "x"'}
    for _ in range(2):
        written = with_choice(PageLink("<b>", ""), value="<b>", **box)
        assert "&lt;b&gt;" in written
        assert "<b>" not in written
    assert with_choice(mark_safe("<b>"), value="<b>", **box).endswith("<b>\n")
