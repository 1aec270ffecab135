"""What a page shows of arguments and outcomes, whatever a source keeps of them."""

import json

import pytest

from celery_ops.info import TaskInfo
from celery_ops.payload import payload
from tests.shop import tasks

pytestmark = pytest.mark.usefixtures("loaded_tasks")


def args_of(**known):
    return payload.shown(TaskInfo("id", **known)).args


def test_arguments_that_nobody_knows_are_none():
    assert args_of() is None


def test_values_are_shown_as_json():
    assert json.loads(args_of(args=[1, "x"], kwargs={"note": None})) == {"args": [1, "x"], "kwargs": {"note": None}}


def test_the_text_that_results_keep_is_read_as_values():
    shown = args_of(args="\"(1, 'x')\"", kwargs="\"{'note': None}\"")
    assert json.loads(shown) == {"args": [1, "x"], "kwargs": {"note": None}}


def test_a_sensitive_name_is_hidden_in_keyword_arguments():
    assert json.loads(args_of(args="()", kwargs="{'password': 'hunter2'}"))["kwargs"] == {"password": "[redacted]"}


def test_a_sensitive_name_is_hidden_where_positional_arguments_should_be():
    assert "hunter2" not in args_of(args="{'password': 'hunter2'}")


@pytest.fixture
def secret_task():
    """A task whose second parameter is sensitive by its name."""
    return tasks.process_payment.name


def test_a_positional_argument_goes_by_its_parameters_name(secret_task):
    assert "4111" not in args_of(name=secret_task, args="(1, '4111-secret')")


def test_text_that_cannot_be_read_is_hidden_whole_where_a_parameter_is_sensitive(secret_task):
    assert args_of(name=secret_task, args="(1, '4111-secret', <object at 0x1>)") == "[redacted]"


def test_text_that_cannot_be_read_is_scrubbed_elsewhere():
    assert args_of(args="(1, <object>, 'postgres://me:hunter2@db/x')") == "(1, <object>, 'postgres://[redacted]@db/x')"


def test_what_is_hidden_in_arguments_is_hidden_in_the_traceback():
    task = TaskInfo("id", kwargs={"password": "hunter2"}, traceback="login('hunter2') failed")
    assert "hunter2" not in payload.shown(task).traceback


def test_a_result_is_shown_as_json():
    assert payload.shown(TaskInfo("id", result='{"total": 3}')).result == '{"total": 3}'


def test_a_result_longer_than_is_read_is_shown_from_its_beginning():
    assert len(payload.shown(TaskInfo("id", result="x" * 10**6)).result) <= 2048


@pytest.mark.parametrize("text", ["[" * 60_000, "9" * 5_000, "\x00", "\ud800", "{1: {}", "None", "NaN", "1e999"])
def test_hostile_text_is_shown_in_bounds(text):
    assert len((args_of(args=text, kwargs=text) or "").encode("utf-8", "replace")) <= 4200


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("ValueError: no", "ValueError"),
        ("a.b.Gone: x", "a.b.Gone"),
        ("no class", ""),
        ("", ""),
        (None, ""),
        ("<b>", ""),
    ],
)
def test_the_class_of_an_error_is_what_precedes_its_message(error, name):
    assert payload.error_class(error) == name


@pytest.mark.parametrize("as_keyword", [True, False])
@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("pin", "1234", "1234"),
        ("smtp_pwd", "x1y2z3", "x1y2z3"),
        ("a", "ghp_" + "a" * 36, "ghp_aaaa"),
        ("a", "sk_live_" + "b" * 24, "sk_live_bbbb"),
        ("a", "DE89370400440532013000", "370400440532"),
        ("a", "0123456789abcdef" * 4, "0123456789abcdef"),
        ("command", "mysql --password hunter2", "hunter2"),
        ("command", "mysql -phunter2", "hunter2"),
        ("number", 4111111111111111, "4111111111111111"),
        ("number", 4.111111111111111e15, "41111111"),
        ("nested", {"deep": [{"token": "t0ken"}]}, "t0ken"),
    ],
)
def test_a_search_looks_at_nothing_that_a_page_hides(name, value, secret, as_keyword):
    written = json.dumps(repr({name: value} if as_keyword else ({name: value},)))
    task = TaskInfo("1", "shop.x", **{"kwargs" if as_keyword else "args": written}, error=f"No: {value}")
    assert secret not in payload.searched_text(task)
