"""JSON that people send: the limits, and how it is bound to a task's parameters."""

import json

import pytest

from celery_ops.exceptions import BadInput
from celery_ops.running.arguments import bound, check, load
from celery_ops.running.parameters import parameters_of
from tests.shop.typed import PREFIX

DEEP = "[" * 21 + "]" * 21

#: Nothing of this is loaded, whatever it is meant for.
BAD_TEXTS = {
    "nothing": "",
    "spaces": "  ",
    "no json": "hello",
    "python": "{'a': 1}",
    "python's none": "[None]",
    "a comma too many": "[1,]",
    "two values": "[1] [2]",
    "an open list": "[1, 2",
    "an open object": '{"a": 1',
    "an open text": '["a',
    "a closed list": "]",
    "a key without quotes": "{a: 1}",
    "a comment": "[1] // one",
    "a bare minus": "[-]",
    "a plus": "[+1]",
    "a leading zero": "[01]",
    "hexadecimal": "[0x10]",
    "a raw newline in text": '["a\nb"]',
    "a bad escape": '["\\x"]',
    "a byte order mark": "\ufeff[1]",
    "over 64 KiB": json.dumps(["x" * 65_536]),
    "over 64 KiB in bytes": json.dumps(["é" * 33_000], ensure_ascii=False),
    "over 64 KiB of spaces": "[1]" + " " * 65_536,
    "deep": DEEP,
    "deep in objects": '{"a":' * 21 + "1" + "}" * 21,
    "deep beside text": '["]]]]", ' + DEEP + "]",
    "far too deep": "[" * 65_000,
    "far too deep objects": '{"a":' * 12_000,
    "not a number": "[NaN]",
    "infinity": "[Infinity]",
    "minus infinity": "[-Infinity]",
    "a float beyond floats": "[1e400]",
    "a negative one": "[-1e400]",
    "101 digits": "[" + "9" * 101 + "]",
    "101 digits below 0": "[-" + "9" * 101 + "]",
    "5000 digits": "9" * 5000,
    "101 digits of a fraction": "[0." + "9" * 101 + "]",
    "duplicate keys": '{"a": 1, "a": 2}',
    "duplicate keys inside": '[{"b": {"a": 1, "a": 1}}]',
    "duplicate keys by escape": '{"a": 1, "\\u0061": 2}',
    "a raw NUL": '["\x00"]',
    "an escaped NUL": '["a\\u0000b"]',
    "NUL in a key": '{"\\u0000": 1}',
    "a surrogate": '["\ud800"]',
    "an escaped surrogate": '["\\ud800"]',
    "half a pair": '["\\ude00 \\ud83d"]',
    "a surrogate in a key": '{"\\udfff": 1}',
    "a type": '{"__type__": "date", "__value__": "2026-01-31"}',
    "a type inside": '[{"a": [{"__type__": "x"}]}]',
    "a type by escape": '{"\\u005f_type__": 1}',
    "bytes that are no UTF-8": b'["\xff"]',
    "UTF-16": "[1]".encode("utf-16"),
    "surrogates in UTF-8": b'["\xed\xa0\x80"]',
    "over 64 KiB as bytes": b"[" + b" " * 65_536 + b"]",
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_bad_json_is_refused_with_a_sentence(text):
    with pytest.raises(BadInput, match=r"\w+ .*\.") as refused:
        load(text)
    assert list(refused.value.errors) == ["__all__"]


class Odd:
    pass


LOOP: list = []
LOOP.append(LOOP)
#: A billion values that take no memory.
LAUGHS: list = ["lol"] * 10
for _ in range(8):
    LAUGHS = [LAUGHS] * 10


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        10**100,
        -(10**100),
        "\x00",
        "\ud800",
        {"__type__": 1},
        [[{"a": {"__type__": 1}}]],
        {1: 2},
        {None: 1},
        {1},
        (1,),
        b"x",
        Odd(),
        1j,
        "x" * 65_536,
        ["xx"] * 20_000,
        [0] * 70_000,
        "\x7f" * 65_535,
        json.loads(DEEP),
        LOOP,
        LAUGHS,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_bad_value_is_refused_with_a_sentence(value):
    with pytest.raises(BadInput, match=r"\w+ .*\."):
        check(value)


@pytest.mark.parametrize(
    "text",
    [
        '["\\ud83d\\ude00"]',
        "9" * 100,
        "[" * 20 + "]" * 20,
        '["[[[[[[[[[[[[[[[[[[[[[[[[[["]',
        '"' + "x" * 65_534 + '"',
        "-1.5e300",
    ],
)
def test_what_is_within_the_limits_is_loaded(text):
    assert load(text) == load(text.encode()) == json.loads(text)


def test_messages_name_a_key_without_what_no_page_can_carry():
    with pytest.raises(BadInput) as refused:
        load('{{"{0}": 1, "{0}": 1}}'.format("<b>\\u202e\\u001b" + "x" * 500))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 150


# task, args, kwargs, the fields that have messages
UNBOUND = [
    ("whole", {}, {}, {"args"}),
    ("whole", "1", {}, {"args"}),
    ("whole", None, {}, {"args"}),
    ("whole", [1], [], {"kwargs"}),
    ("whole", 1, None, {"args", "kwargs"}),
    ("whole", [], {}, {"value"}),
    ("whole", ["1"], {}, {"value"}),
    ("whole", [True], {}, {"value"}),
    ("whole", [None], {}, {"value"}),
    ("whole", [1, 2], {}, {"args"}),
    ("whole", ["x", 2], {}, {"args", "value"}),
    ("whole", [1], {"value": 1}, {"kwargs"}),
    ("whole", [], {"value": 1, "other": 2}, {"kwargs"}),
    ("whole", [], {"Value": 1}, {"kwargs", "value"}),
    ("whole", [], {"value ": 1}, {"kwargs", "value"}),
    ("whole", [], {"value": 10**100}, {"kwargs"}),
    ("whole", [float("nan")], {}, {"args"}),
    ("whole", [], {"self": 1, "value": 1}, {"kwargs"}),
    ("whole", [], {"task_id": "x", "value": 1}, {"kwargs"}),
    ("whole", ["x" * 65_530], {"value": "x" * 65}, {"kwargs"}),
    ("text", ["x" * 65_536], {}, {"args"}),
    ("text", [], {"value": "\x00"}, {"kwargs"}),
    ("text", [], {"value": ["\ud800"]}, {"kwargs"}),
    ("bare_dict", [{"__type__": 1}], {}, {"args"}),
    ("bare_dict", [], {"value": {"a": {"__type__": 1}}}, {"kwargs"}),
    ("days", [["2026-01-31", "x"]], {}, {"value"}),
    ("parcel", [{"weight": 1, "due": 3}], {}, {"value"}),
    ("movie", [[]], {}, {"value"}),
    ("secrets", [], {"pin": 1}, {"card"}),
    ("secrets", [1], {"pin": "2"}, {"card", "pin"}),
    ("defaults", [], {"number": None}, {"number"}),
    ("defaults", ["x", 1, True, "red", None, 6], {}, {"args"}),
    ("every_form", [1], {}, {"second"}),
    ("every_form", [], {"first": 1, "second": "2026-01-31"}, {"first", "kwargs"}),
    ("every_form", [1], {"first": 1, "second": "2026-01-31"}, {"kwargs"}),
    ("every_form", [1, "2026-01-31"], {"second": "2026-01-31"}, {"kwargs"}),
    ("every_form", [1, "2026-01-31"], {"named": 1}, {"named"}),
    ("every_form", [1, "2026-01-31"], {"task": "x"}, {"task"}),
    ("every_form", [1, "2026-01-31", {"__type__": 1}], {}, {"args"}),
    ("nobody", [{"__type__": 1}], {}, {"args"}),
    ("nobody", {}, {}, {"args"}),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "fields"), UNBOUND)
def test_arguments_that_do_not_fit_are_refused_by_field(name, args, kwargs, fields):
    with pytest.raises(BadInput) as refused:
        bound(parameters_of(PREFIX + name), args, kwargs)
    assert refused.value.errors.keys() == fields
    assert all(message.endswith(".") for messages in refused.value.errors.values() for message in messages)


def test_arguments_stay_where_they_were_given():
    parameters = parameters_of(PREFIX + "every_form")
    args, kwargs = bound(parameters, [1, "2026-01-31", "more"], {"task": 5, "other": [1]})
    assert (args[0], str(args[1]), args[2:]) == (1, "2026-01-31", ["more"])
    assert kwargs == {"task": 5, "other": [1]}


def test_none_is_read_where_it_is_the_default():
    assert bound(parameters_of(PREFIX + "defaults"), [], {"nothing": None}) == ([], {"nothing": None})


def test_a_task_that_nobody_knows_takes_any_json():
    parameters = parameters_of("nobody.knows")
    assert (parameters.is_known, parameters.named) == (False, ())
    assert bound(parameters, [1, "x"], {"a": None}) == ([1, "x"], {"a": None})


def test_parameters_say_what_the_signature_says():
    told = {
        each.name: (each.kind.label, each.required, each.keyword_only, each.positional_only)
        for each in parameters_of(PREFIX + "every_form").named
    }
    assert told == {
        "first": ("int", True, False, True),
        "second": ("date", True, False, False),
        "named": ("bool", False, True, False),
        "task": ("int", False, True, False),
    }
    assert {each.name for each in parameters_of(PREFIX + "secrets").named if each.sensitive} == {"card", "pin"}
    assert parameters_of(PREFIX + "by_name").named[0].kind.label == "list[Colour] | None"
    assert parameters_of(PREFIX + "nowhere").named[0].kind.label == "json"
