"""What a caller gave to be shown in place of arguments is told from what Celery writes itself."""

from datetime import datetime

import pytest
from celery.app.amqp import AMQP

from celery_ops.tracking import argsrepr
from tests.celery import app


def headers_of(args, kwargs, **given):
    return AMQP(app).as_task_v2("1", "shop.login", args, kwargs, **given).headers


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1, "two"), {"three": [4, {"five": None}]}),
        ([1.5, True], {"when": datetime(2026, 1, 2)}),
        (("x" * 5000, list(range(900))), {"y": "é" * 5000}),
    ],
)
def test_what_celery_writes_itself_was_not_given(args, kwargs):
    assert argsrepr.from_caller(headers_of(args, kwargs), list(args), kwargs) == (None, None)


def test_what_the_caller_gave_is_found():
    headers = headers_of(("bob", "hunter2"), {"a": 1}, argsrepr="(***)")
    assert argsrepr.from_caller(headers, ["bob", "hunter2"], {"a": 1}) == ("(***)", None)


@pytest.mark.parametrize("headers", [{}, {"argsrepr": None, "kwargsrepr": 5}, {"argsrepr": ""}])
def test_a_message_without_them_has_nothing_in_place_of_its_arguments(headers):
    assert argsrepr.from_caller(headers, [1], {}) == (None, None)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["('bob', '***')", None], (("bob", "***"), {"a": 1})),
        (["(***)", "{***}"], (["(***)"], {"…": "{***}"})),
        ([None, None], ([1], {"a": 1})),
        (None, ([1], {"a": 1})),
        ("(***)", ([1], {"a": 1})),
        ([{}, 5], ([1], {"a": 1})),
    ],
)
def test_it_is_shown_as_values_where_it_is_some(given, shown):
    assert argsrepr.shown(given, [1], {"a": 1}) == shown
