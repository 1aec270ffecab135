"""Small pictures of numbers, for a line of text or a cell."""

import re

import pytest

from celery_ops.charts.sparkline import HEIGHT, Sparkline

COLUMN = re.compile(r"M(\d+) 20v-([\d.]+)h[\d.]+v[\d.]+z")


def columns(points, **options):
    """Return which places have a column, and how high each is."""
    return {int(place): float(height) for place, height in COLUMN.findall(Sparkline(points, "", **options).path)}


def test_the_highest_column_is_as_high_as_the_picture():
    assert columns([0, 5, 10]) == {1: HEIGHT / 2, 2: HEIGHT}


def test_few_fill_no_picture_that_is_for_more():
    assert columns([1, 0, 2], least=10) == {0: HEIGHT / 10, 2: HEIGHT / 5}
    assert columns([5, 20], least=10) == {0: HEIGHT / 4, 1: HEIGHT}


def test_one_beside_a_million_can_be_seen():
    assert columns([1, 10**6]) == {0: 1, 1: HEIGHT}


@pytest.mark.parametrize("points", [[], [0, 0, 0], [None, None]], ids=str)
def test_nothing_has_no_column(points):
    assert columns(points) == {}
    assert "<svg" in str(Sparkline(points, "nothing"))


def test_what_is_unknown_leaves_a_gap():
    assert columns([3, None, 3]) == {0: HEIGHT, 2: HEIGHT}


def test_it_writes_its_words_for_those_who_do_not_see_it():
    html = str(Sparkline([1, 2], "<b>: 3", "failure"))
    assert "<title>&lt;b&gt;: 3</title>" in html
    assert 'role="img"' in html
    assert "celery-ops-tone--failure" in html
    assert "style=" not in html
