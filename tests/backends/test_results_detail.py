"""One task from the database: everything that is known, bounded, and none of it trusted."""

import json
import pickle
import tracemalloc
from base64 import b64encode

import pytest
from django.db import connection
from django_celery_results.backends import DatabaseBackend

from celery_ops.backends.results.backend import ResultsTaskBackend
from celery_ops.backends.results.rows import error_of
from celery_ops.info import TaskInfo
from tests.backends.result_rows import EVERY, NOON, exception, plant, row
from tests.celery import app

pytestmark = pytest.mark.django_db

LARGE = 65_536


def get(id="4f1c"):
    return ResultsTaskBackend().get(id)


def test_a_detail_has_the_payload():
    plant(TaskInfo("4f1c", args=[1], kwargs={"a": "b"}, result={"ok": True}, created_at=NOON))
    task = get()
    assert (task.args, task.kwargs, task.result) == ('"[1]"', "\"{'a': 'b'}\"", '{"ok": true}')


def test_a_failure_has_its_error_and_no_result():
    plant(TaskInfo("4f1c", state="FAILURE", error="ValueError: no", traceback="Traceback: no"))
    assert (get().error, get().result, get().traceback) == ("ValueError: no", None, "Traceback: no")


@pytest.mark.database
def test_a_detail_reads_the_beginning_of_what_is_large():
    row(result="a" + "x" * LARGE * 2, task_args="b" * LARGE * 2, task_kwargs="c" * LARGE * 2)
    task = get()
    assert [len(text) for text in (task.result, task.args, task.kwargs)] == [LARGE] * 3
    assert task.result[0] == "a"


@pytest.mark.database
def test_a_detail_reads_the_end_of_a_traceback():
    row(status="FAILURE", traceback="x" * LARGE * 2 + "the cause")
    assert (len(get().traceback), get().traceback[-9:]) == (LARGE, "the cause")


def test_a_short_traceback_is_whole():
    row(status="FAILURE", traceback="the cause")
    assert get().traceback == "the cause"


def test_a_long_message_is_whole_in_the_detail():
    row(status="FAILURE", result=exception("ValueError: " + "x" * 10_000))
    assert get().error == "ValueError: " + "x" * 10_000


@pytest.mark.database
def test_large_columns_cost_a_detail_little_memory():
    if connection.vendor == "mysql":
        pytest.skip("its server takes no statement of 25 MB, and hangs up")
    large = "x" * 5_000_000
    row(status="FAILURE", result=large, traceback=large, task_args=large, task_kwargs=large, meta=large)
    get()
    tracemalloc.start()
    get()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.database
@pytest.mark.parametrize(
    "id", ["", "4f1", "4F1C", "4f1c ", "\0", "4f1c\0", "\ud800", "x" * 256, "9" * 100_000, "%", "_"]
)
def test_no_other_id_finds_it(id):
    row("4f1c")
    assert get(id) is None


# -- children ----------------------------------------------------------------------------------------------------------


def test_children_are_the_tasks_that_it_launched_and_the_members_of_groups():
    members = app.GroupResult("a-group", [app.AsyncResult("b"), app.AsyncResult("c")])
    children = [app.AsyncResult("a", parent=app.AsyncResult("p")), members, app.AsyncResult("d")]
    row(meta=json.dumps({"children": [child.as_tuple() for child in children]}))
    assert get().children == ("a", "b", "c", "d")


def test_a_child_is_named_once():
    row(meta=json.dumps({"children": [[["a", None], None], [["a", None], None]]}))
    assert get().children == ("a",)


def test_a_parent_is_told_by_a_site_that_keeps_it():
    row(meta=json.dumps({"children": [], "parent_id": "p", "root_id": "r"}))
    assert (get().parent_id, get().root_id) == ("p", "r")


@pytest.mark.parametrize(
    "meta",
    [
        None,
        "",
        "null",
        "[]",
        "7",
        '{"children": null}',
        '{"children": {}}',
        '{"children": "abc"}',
        '{"children": [null, 1, "a", [], [1], [1, 2], [[], null], [[null, null], null], [{}, {}]]}',
        '{"children": [[["", null], null]], "parent_id": 1, "root_id": []}',
        '{"children": ' + "[" * 60_000,
        '{"children": ' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"children": [' + "9" * 10_000 + "]}",
        '{"children": [[["cut off',
    ],
    ids=lambda meta: str(meta)[:40],
)
def test_what_cannot_be_read_as_children_is_none(meta):
    row(meta=meta)
    assert (get().children, get().parent_id, get().root_id) == ((), None, None)


@pytest.mark.database
def test_of_a_crowd_of_children_a_thousand_are_named():
    row(meta=json.dumps({"children": [[[str(n), None], None] for n in range(3_000)]}))
    assert len(get().children) == 1_000


# -- what is not text --------------------------------------------------------------------------------------------------


class Boom:
    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def pickled(value):
    return b64encode(pickle.dumps(value)).decode()


@pytest.mark.database
def test_a_pickle_is_never_read():
    boom = pickled(Boom())
    fields = dict.fromkeys(("result", "task_args", "task_kwargs", "meta"), boom)
    row(status="FAILURE", content_type="application/x-python-serialize", content_encoding="binary", **fields)
    task = get()
    assert (task.args, task.kwargs, task.result, task.error, task.children) == (None, None, None, None, ())


def test_a_detail_says_that_a_pickled_result_is_not_shown():
    row(content_type="application/x-python-serialize", content_encoding="binary", result=pickled([1]))
    assert get().result == "[not shown: application/x-python-serialize]"


def test_a_pickled_error_is_not_known_in_the_list():
    row(status="FAILURE", content_type="application/x-python-serialize", result=pickled(ValueError("no")))
    assert ResultsTaskBackend().page(EVERY).tasks[0].error is None


def test_no_result_is_no_result_however_it_is_stored():
    row(content_type="application/x-python-serialize", content_encoding="binary", result=None)
    assert get().result is None


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "error"),
    [
        ('{"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}', "ValueError: no"),
        ('{"exc_message": ["no"], "exc_module": "builtins", "exc_type": "ValueError"}', "ValueError: no"),
        ('{"exc_type": "ValueError", "exc_message": "no", "exc_module": "builtins"}', "ValueError: no"),
        ('{"exc_type": "ValueError", "exc_message": ["no", 7, {"a": null}]}', 'ValueError: no, 7, {"a": null}'),
        ('{"exc_type": "ValueError", "exc_message": [], "exc_module": "builtins"}', "ValueError"),
        ('{"exc_type": "ValueError", "exc_message": null}', "ValueError"),
        ('{"exc_type": "ValueError"}', "ValueError"),
        ('{"exc_type": "ValueError", "exc_message": ["no"], "exc_mod', "ValueError: no"),
        ('{"exc_type": "ValueError", "exc_message": ["no", "and more', "ValueError"),
        ('{"exc_type": "ValueError", "exc_m', "ValueError"),
        ('{ "exc_type" : "ValueError" , "exc_message" : ["no"] , ', "ValueError: no"),
        ('{"exc_type": "V\\u00e9", "exc_message": ["\\"quoted\\""]', 'Vé: "quoted"'),
        ('{"exc_type": "ValueErr', None),
        ('{"exc_type": 7, "exc_message": ["no"]}', None),
        ('{"exc_type": "", "exc_message": ["no"]}', None),
        ('{"exc_type": ["ValueError"], "exc_message', None),
        ('{"exc_type": ' + "[" * 50_000, None),
        ('{"exc_type": "ValueError", "exc_message": ' + "[" * 50_000, "ValueError"),
        ('{"exc_type": "ValueError", "exc_message": ' + "9" * 5_000, "ValueError"),
        ('{"exc_type": "UnpickleableExceptionWrapper", "exc_message": ["m", "No", ["a"], "No(\'a\')"]}', "No: No('a')"),
        ('{"exc_type": "UnpickleableExceptionWrapper", "exc_message": ["m", 7, [], null]}', None),
        ('{"exc_type": "UnpickleableExceptionWrapper", "exc_message": ["m"]}', "UnpickleableExceptionWrapper: m"),
        ('["exc_type", "ValueError"]', None),
        ('"ValueError"', None),
        ("ValueError: no", None),
        ("null", None),
        ("", None),
        (None, None),
    ],
)
def test_an_error_is_read_as_far_as_it_goes(stored, error):
    assert error_of(stored) == error


def test_celery_writes_errors_as_they_are_read():
    DatabaseBackend(app=app).store_result("4f1c", ValueError("no", 7), "FAILURE", traceback="Traceback: no")
    assert get().error == "ValueError: no, 7"
