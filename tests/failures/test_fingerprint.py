"""What makes failures alike, whatever anybody writes into a message."""

import json
import re
import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from celery.utils.serialization import UnpickleableExceptionWrapper, get_pickleable_exception
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.backends.results.rows import error_of
from celery_ops.failures import frames, members
from celery_ops.failures.fingerprint import Fingerprint, class_of, message_of
from celery_ops.failures.frames import innermost, innermost_in, own_module
from celery_ops.failures.group import Group
from celery_ops.failures.normalising import LONGEST, READ, normalised
from celery_ops.info import TaskInfo
from celery_ops.tracking import capture
from tests.celery import app


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("order 17 not found", "order <number> not found"),
        ("3.5 of 1,234.50 (-5 or 10%)", "<number> of <number> (<number> or <number>)"),
        ("[1, 2, 3] and ['a', 'b']", "[<number>] and [<text>]"),
        ("since 2026-11-29T17:08:13Z or 2026-11-29 17:08:13.5+01:00", "since <number> or <number>"),
        ("5f3a9c2e-1111-4222-8333-444455556666 is gone", "<id> is gone"),
        ("commit deadbeefcafe, order ord_9XkQ2", "commit <id>, order <id>"),
        ("no column 'Ada' in \"people\" nor `x` nor “y”", "no column <text> in <text> nor <text> nor <text>"),
        ("can't find the user's 'Ada Lovelace'", "can't find the user's <text>"),
        ("GET https://ada:secret@shop.example/orders/17?x=1 failed", "GET <url> failed"),
        ("no mailbox ada.l+x@mail.example.com", "no mailbox <email>"),
        ("10.0.0.17:5432 and fe80::1ff:fe23 and ::1 refused", "<address> and <address> and <address> refused"),
        ("<Order object at 0x7f3c2a10>", "<Order object at <address>>"),
        ("Key (email)=(Ada) already exists", "Key (email)=(<text>) already exists"),
        ("a\n  b\tc", "a b c"),
        ("", ""),
    ],
)
def test_what_differs_is_taken_out(message, left):
    assert normalised(message) == left


WORDS = st.text(st.characters(codec="ascii", exclude_characters="'\n"))
EMAILS = st.from_regex(r"[a-z0-9.+_-]{1,20}@[a-z0-9-]{1,20}\.(example|com|org)", fullmatch=True)


@given(st.integers(), st.uuids(), EMAILS, WORDS)
def test_values_of_any_kind_make_no_other_group(number, uid, email, text):
    one = Fingerprint("E", normalised(f"order {number} of '{text}' ({uid}) for {email} !"))
    other = "order 1 of 'x' (3f2504e0-4f89-41d3-9a0c-0305e82c3301) for a@b.example !"
    assert one.key == Fingerprint("E", normalised(other)).key


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_an_id_of_digits_alone_is_an_id_as_any_other(one, other):
    keys = {Fingerprint("E", normalised(f"commit {number:08x}, again")).key for number in (one, other)}
    assert len(keys) == 1


@given(st.text())
def test_any_text_is_read_and_what_is_left_says_itself(text):
    left = normalised(text)
    assert len(left) <= LONGEST
    assert "\n" not in left
    assert not re.search(r"\d", re.sub(r"[^\x00-\x7f]", "", left)) or not text.isascii()


BEGINNINGS = ["'", "`", "=(", "“", "a-", "0x", "::", "a.b@", "1.", "http://", "<text> ", "\\'", "é1"]


@pytest.mark.parametrize("part", BEGINNINGS)
def test_a_long_message_of_beginnings_comes_to_a_short_one(part):
    assert len(normalised(part * 1_000_000)) <= LONGEST


def test_a_cut_through_a_quoted_text_is_the_same_wherever_it_falls():
    assert normalised("a 'b " * 1 + "x" * READ) == normalised("a 'b " + "x y" * READ)


@pytest.mark.parametrize("change", [{"exception": "KeyError"}, {"message": "b"}, {"frame": "x.z"}])
def test_each_part_makes_another_key(change):
    parts = {"exception": "ValueError", "message": "a", "frame": "x.y"}
    assert Fingerprint(**parts).key == Fingerprint(**parts).key
    assert Fingerprint(**parts).key != Fingerprint(**{**parts, **change}).key
    assert re.fullmatch(r"[\w-]{12}", Fingerprint(**parts).key)


@pytest.mark.parametrize(("one", "other"), [("2s", "1.5s"), ("10ms", "0.25ms"), ("7µs", "7.5µs"), ("5kB", "1,234.5MB")])
def test_whole_and_broken_numbers_with_a_unit_are_alike(one, other):
    keys = {Fingerprint("E", normalised(f"no answer after {taken}, again")).key for taken in (one, other)}
    assert len(keys) == 1


def test_a_key_is_the_same_in_every_process():
    code = "from celery_ops.failures.fingerprint import Fingerprint; print(Fingerprint('A', 'b', 'c').key)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == Fingerprint("A", "b", "c").key


class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def test_classes_are_called_as_tracebacks_call_them():
    assert class_of(ValueError()) == "ValueError"
    assert class_of(Odd()) == f"{__name__}.Odd"
    wrapped = UnpickleableExceptionWrapper("shop.errors", "Refused", ("no",))
    assert class_of(wrapped) == "shop.errors.Refused"


def test_an_exception_that_cannot_say_anything_has_no_message():
    assert message_of(Odd(), 10) == ""
    assert message_of(ValueError("x" * 50), 10) == "x" * 10


# -- frames -----------------------------------------------------------------------------------------------------------


def deep(number):
    if number:
        return deep(number - 1)
    return re.compile("(")


def raised(function, *args):
    try:
        function(*args)
    except Exception as error:
        return error
    raise AssertionError


def test_the_place_is_the_innermost_one_of_the_sites_own_code():
    error = raised(deep, 3)
    assert innermost(error.__traceback__) == f"{__name__}.deep"
    assert innermost_in("".join(traceback.format_exception(error))) == f"{__name__}.deep"


def test_a_traceback_without_own_code_has_no_place():
    code = compile("import json; json.loads('x')", "<string>", "exec")
    error = raised(exec, code, {})
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error = error.with_traceback(error.__traceback__.tb_next)
    assert innermost(error.__traceback__) == ""
    assert innermost(None) == ""
    assert innermost_in(None) == ""


def test_a_recursion_without_end_has_a_place():
    def endless(number):
        return endless(number + 1)

    assert innermost(raised(endless, 1).__traceback__) == f"{__name__}.endless"


@pytest.mark.parametrize(
    "path",
    [
        re.__file__,
        pytest.__file__,
        "/somewhere/else/site-packages/shop/tasks.py",
        "<frozen importlib._bootstrap>",
        frames.__file__,
    ],
)
def test_libraries_python_and_what_runs_tasks_are_not_the_sites(path):
    assert own_module(path) == ""


def test_a_file_outside_of_every_path_is_called_by_its_folder():
    assert own_module("/srv/releases/2026-11-29/shop/tasks.py") == "shop.tasks"
    assert own_module(str(Path(__file__))) == __name__


# -- members ----------------------------------------------------------------------------------------------------------


def stored(error, **about):
    text = "".join(traceback.format_exception(error))
    return TaskInfo("id", "shop.pay", "FAILURE", error=f"{type(error).__name__}: {error}", traceback=text, **about)


def grouped(error):
    fingerprint = Fingerprint(class_of(error), normalised(str(error)), innermost(error.__traceback__))
    return Group(fingerprint.key, fingerprint.exception, fingerprint.message, fingerprint.frame)


def refuse(message, kind=ValueError):
    raise kind(message)


class Refused(Exception):
    pass


@pytest.mark.parametrize("kind", [ValueError, KeyError, Refused])
@pytest.mark.parametrize("message", ["order 17 of 'Ada'", "two\nlines: 5", "", "a: b", '  File "x", line 1, in y'])
def test_a_stored_error_has_the_fingerprint_that_its_worker_saw(kind, message):
    error = raised(refuse, message, kind)
    assert members.fingerprint_of(stored(error)).key == grouped(error).key
    assert members.is_alike(stored(error), grouped(error))


def stored_by_celery(error):
    """As django-celery-results has it, and a list of tasks shows it."""
    return error_of(json.dumps(app.backend.prepare_exception(error, "json")))


@pytest.mark.parametrize(
    ("path", "is_alike"),
    [
        ("/srv/releases/2026-11-28/shop/orders/tasks.py", True),
        ("/srv/releases/2026-11-28/shop/orders/__init__.py", False),
        ("/srv/releases/2026-11-28/shop/invoices/tasks.py", False),
        ("/srv/releases/2026-11-28/myshop/orders/tasks.py", False),
        ("/venv/lib/python3.11/site-packages/shop/orders/tasks.py", False),
    ],
)
def test_a_task_of_an_earlier_release_is_one_of_the_group_wherever_that_lay(path, is_alike):
    text = f'Traceback (most recent call last):\n  File "{path}", line 3, in charge\n    x()\nValueError: no stock\n'
    task = TaskInfo("id", "shop.pay", "FAILURE", error="ValueError: no stock", traceback=text)
    assert members.is_alike(task, Group("k", "ValueError", "no stock", "shop.orders.tasks.charge")) is is_alike


def with_a_note():
    error = ValueError("order 17")
    error.add_note("while the order was paid:\nask the bank")
    raise error


def with_a_report():
    raise RuntimeError("the other side said:\nTraceback (most recent call last):\nKeyError: 'order'")


def with_others():
    raise ExceptionGroup("2 orders", [ValueError("order 17"), raised(refuse, "no stock", KeyError)])  # noqa: F821 - since Python 3.11


def without_words():
    raise Odd


def of_wrong_code():
    compile("order 17", "<code>", "exec")


class Needy(Exception):
    """As many are: to be unpickled it would need both of its arguments."""

    def __init__(self, order, reason):
        super().__init__(f"order {order}: {reason}")


def of_a_class_that_cannot_be_pickled():
    raise Needy(17, "no stock")


def in_consequence():
    try:
        refuse("no stock", KeyError)
    except KeyError as error:
        raise ValueError("order 17") from error


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(with_a_note, marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="no notes")),
        pytest.param(with_others, marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="no groups")),
        with_a_report,
        without_words,
        of_wrong_code,
        of_a_class_that_cannot_be_pickled,
        in_consequence,
    ],
    ids=lambda function: function.__name__,
)
@pytest.mark.parametrize("kept", [lambda error: capture.error(error, ()), stored_by_celery], ids=["tracked", "stored"])
def test_a_failure_whose_traceback_says_more_or_less_than_its_message_is_one_of_its_group(function, kept):
    error = get_pickleable_exception(raised(function))
    group = Group("k", class_of(error), normalised(message_of(error, READ)), innermost(error.__traceback__))
    text = "".join(traceback.format_exception(error))
    task = TaskInfo("id", "shop.pay", "FAILURE", error=kept(error), traceback=text)
    assert members.is_alike(task, group)
    by_result = members.fingerprint_of(task)
    assert members.is_alike(task, Group(by_result.key, by_result.exception, by_result.message, by_result.frame))
    for change in ({"message": "another one"}, {"frame": "shop.other.place"}, {"exception": "shop.Other"}):
        assert not members.is_alike(task, replace(group, **change))


def test_a_traceback_whose_beginning_was_cut_off_is_still_one_of_the_group():
    error = raised(refuse, "order 17", Refused)
    task = stored(error)
    cut = TaskInfo("id", "shop.pay", "FAILURE", error=task.error, traceback="…" + task.traceback[60:])
    assert members.is_alike(cut, grouped(error))


def test_without_a_traceback_class_and_message_decide():
    error = raised(refuse, "order 17", Refused)
    task = TaskInfo("id", "shop.pay", "FAILURE", error="Refused: order 18")
    assert members.is_alike(task, grouped(error))
    assert not members.is_alike(TaskInfo("id", "shop.pay", "FAILURE", error="Refused: no stock"), grouped(error))
    assert not members.is_alike(TaskInfo("id", "shop.pay", "FAILURE"), grouped(error))


def test_what_was_hidden_in_the_groups_message_may_be_anything_in_a_tasks():
    group = Group("k", "ValueError", "no card [redacted] for order <number>")
    messages = {
        "no card Visa for order 5": True,
        "no card Visa for 5": False,
        "a card Visa for order 5": False,
        "no card Visa for order 5, which was paid": False,
    }
    for message, is_alike in messages.items():
        task = TaskInfo("id", "shop.pay", "FAILURE", error=f"ValueError: {message}")
        assert members.is_alike(task, group) is is_alike


@given(st.text())
def test_any_traceback_and_error_can_be_read(text):
    members.fingerprint_of(TaskInfo("id", "shop.pay", "FAILURE", error=text, traceback=text))
    innermost_in(text)
