"""Every kind of value: what a person types, what JSON says, what a field shows, and what is refused."""

import sys
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntFlag
from typing import Any, Iterable, Literal, NewType, Optional, TypedDict, TypeVar, Union  # noqa: UP035 - old ones too
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone as django_timezone
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.running.kinds import kind_of
from tests.shop.models import Customer, Express, Item, Order, Page, Seat
from tests.shop.typed import ANNOTATIONS, Colour, Level, Movie, Parcel, Right

ZONE = "Europe/Berlin"
ID = UUID("12345678-1234-5678-1234-567812345678")
UTC = timezone.utc

# annotation, label, typed, as JSON, value
VALUES = [
    (str, "str", " a b\n", " a b\n", " a b\n"),
    (str, "str", "null", "null", "null"),
    (int, "int", " 42 ", 42, 42),
    (int, "int", "-7", -7, -7),
    (int, "int", "9" * 100, 10**100 - 1, 10**100 - 1),
    (float, "float", "1.5", 1.5, 1.5),
    (float, "float", "2", 2, 2.0),
    (float, "float", "1e-3", 0.001, 0.001),
    (Decimal, "Decimal", "1.10", "1.10", Decimal("1.10")),
    (Decimal, "Decimal", "3", 3, Decimal(3)),
    (Decimal, "Decimal", "0.1", 0.1, Decimal("0.1")),
    (bool, "bool", "False", False, False),
    (bool, "bool", " ON ", True, True),
    (bool, "bool", "0", False, False),
    (bool, "bool", "Yes", True, True),
    (date, "date", "2026-01-31", "2026-01-31", date(2026, 1, 31)),
    (datetime, "datetime", "2026-01-31T14:30", "2026-01-31T13:30:00Z", datetime(2026, 1, 31, 13, 30, tzinfo=UTC)),
    (datetime, "datetime", "2026-07-31 14:30+05:00", "2026-07-31T11:30", datetime(2026, 7, 31, 9, 30, tzinfo=UTC)),
    (time, "time", "14:30", "14:30:00", time(14, 30)),
    (timedelta, "timedelta", "90", 90, timedelta(seconds=90)),
    (timedelta, "timedelta", "1 02:30:00", "P1DT2H30M", timedelta(days=1, hours=2, minutes=30)),
    (timedelta, "timedelta", "-1.5", -1.5, timedelta(seconds=-1.5)),
    (UUID, "UUID", ID.hex, str(ID), ID),
    (Colour, "Colour", "RED", "red", Colour.RED),
    (Colour, "Colour", " blue ", "BLUE", Colour.BLUE),
    (Colour, "Colour", "DEEP", "DEEP", Colour.DEEP),
    (Level, "Level", "1", 1, Level.LOW),
    (Right, "Right", " WRITE | READ ", 3, Right.READ | Right.WRITE),
    (Right, "Right", "5", "READ|ADMIN", Right.READ | Right.ADMIN),
    (Right, "Right", "READ|ALL", ["ALL"], Right.ALL),
    (Right, "Right", "0", [], Right(0)),
    (Right, "Right", "ADMIN", ["ADMIN", 4], Right.ADMIN),
    (Right | None, "Right | None", "", None, None),
    (list[Right], "list[Right]", "READ|WRITE, ADMIN", [3, "ADMIN"], [Right.READ | Right.WRITE, Right.ADMIN]),
    (Literal["a", 1], "Literal['a', 1]", "1", 1, 1),
    (Literal["1", 1], "Literal['1', 1]", '"1"', "1", "1"),
    (Literal[True, "b", None], "Literal[True, 'b', None]", "true", True, True),
    (Literal[True, "b", None], "Literal[True, 'b', None]", "null", None, None),
    (Literal[Colour.RED, "x"], "Literal[RED, 'x']", "RED", "red", Colour.RED),
    (list[int], "list[int]", "1, 2,3", [1, 2, 3], [1, 2, 3]),
    (list[int], "list[int]", "1\n\n 2\n", [1, 2], [1, 2]),
    (list[int], "list[int]", "[1, 2]", [1, 2], [1, 2]),
    (list[int], "list[int]", "", [], []),
    (list[date], "list[date]", "2026-01-31", ["2026-01-31"], [date(2026, 1, 31)]),
    (list, "list", "1, a b, true", [1, "a b", True], [1, "a b", True]),
    (list[list[int]], "list[list[int]]", "[[1], []]", [[1], []], [[1], []]),
    (Iterable[int | None], "list[int | None]", "1,,2", [1, None, 2], [1, None, 2]),
    (tuple, "tuple", "1,2", [1, 2], (1, 2)),
    (tuple[int, ...], "tuple[int, ...]", "1,2", [1, 2], (1, 2)),
    (tuple[int, str], "tuple[int, str]", "1, x", [1, "x"], (1, "x")),
    (set[str], "set[str]", "b, a, b", ["a", "b"], {"a", "b"}),
    (frozenset[Colour], "frozenset[Colour]", "RED, blue", ["red", "blue"], frozenset({Colour.RED, Colour.BLUE})),
    (dict, "dict", '{"a": [1]}', {"a": [1]}, {"a": [1]}),
    (dict[str, date], "dict[str, date]", '{"a": "2026-01-31"}', {"a": "2026-01-31"}, {"a": date(2026, 1, 31)}),
    (dict[int, float], "dict[int, float]", '{"1": 2}', {"1": 2}, {1: 2.0}),
    (ANNOTATIONS["mapping"], "dict[str, date]", "{}", {}, {}),
    (Movie, "Movie", '{"name": "Alien"}', {"name": "Alien"}, {"name": "Alien"}),
    (
        Movie,
        "Movie",
        '{"name": "Alien", "seen": ["2026-01-31"], "sequels": [{"name": "Aliens", "year": 1986}]}',
        {"name": "Alien", "seen": ["2026-01-31"], "sequels": [{"name": "Aliens", "year": 1986}]},
        {"name": "Alien", "seen": [date(2026, 1, 31)], "sequels": [{"name": "Aliens", "year": 1986}]},
    ),
    (list[Movie], "list[Movie]", "[]", [], []),
    (int | None, "int | None", "", None, None),
    (Optional[int], "int | None", "5", 5, 5),  # noqa: UP045 - as old code has it
    (Union[int, str, None], "json | None", "[1]", [1], [1]),  # noqa: UP007 - as old code has it
    (int | str, "json", '"5"', "5", "5"),
    (Any, "json", '{"a": null}', {"a": None}, {"a": None}),
    (Any, "json", "ada@example.com, twice", "ada@example.com, twice", "ada@example.com, twice"),
    (object, "json", "null", None, None),
    (TypeVar("T"), "json", "1", 1, 1),
    (bytes, "json", '"b"', "b", "b"),
    ("nobody", "json", "1", 1, 1),
    (NewType("Id", NewType("Inner", int)), "int", "1", 1, 1),
    (ANNOTATIONS["noted"], "int", "1", 1, 1),
    (ANNOTATIONS["secret"], "str", "1", "1", "1"),
    (Parcel, "Parcel", '{"weight": "1.5"}', {"weight": "1.5"}, Parcel(Decimal("1.5"))),
    (
        Parcel,
        "Parcel",
        '{"weight": 1, "due": "2026-01-31", "colour": "blue", "parts": [{"weight": 2}]}',
        {"weight": 1, "due": "2026-01-31", "colour": "BLUE", "parts": [{"weight": 2}]},
        Parcel(Decimal(1), date(2026, 1, 31), Colour.BLUE, [Parcel(Decimal(2))]),
    ),
]


@pytest.fixture(autouse=True)
def _zone():
    with django_timezone.override(ZONE):
        yield


@pytest.mark.parametrize(("annotation", "label", "typed", "plain", "value"), VALUES)
def test_a_kind_reads_what_is_typed_and_what_is_json(annotation, label, typed, plain, value):
    kind = kind_of(annotation)
    found = kind.parse(typed)
    assert (kind.label, found, type(found)) == (label, value, type(value))
    assert kind.read(plain) == value
    assert type(kind.read(plain)) is type(value)


@pytest.mark.parametrize(("annotation", "label", "typed", "plain", "value"), VALUES)
def test_the_text_of_a_value_is_read_as_that_value_again(annotation, label, typed, plain, value):
    kind = kind_of(annotation)
    assert kind.parse(kind.text(value)) == value
    assert kind.read(kind.plain(value)) == value


NUMBERS = ["", "x", "1 2", "1_000", "٣", "0x10", "nan", "inf", "-Infinity", "1e400", "9" * 101, "\x00", "\ud800"]

#: They look like values of another language, or of none.
NO_WORDS = ["None", "False", "yes", "NaN", "-Infinity", "'x'", "1st", "(1)"]

# annotation, typed texts that are refused, JSON values that are
REFUSED = [
    (str, ["a\x00", "\ud800", "x" * 70_000], [1, None, True, ["a"], "\x00", "\udfff"]),
    (int, [*NUMBERS, "1.0", "true"], [True, 1.5, 1.0, "5", None, [], {}, 10**100, float("nan")]),
    (float, NUMBERS, [True, "1.5", None, [], 10**400, float("inf"), float("nan")]),
    (Decimal, [*NUMBERS, "1e101", "sNaN"], [True, None, [], "x", "1e400", "NaN", 10**101, float("inf")]),
    (bool, ["", "maybe", "2", "y", "None"], [0, 1, "true", None, [], 1.0]),
    (date, ["", "31.1.2026", "2026-02-30", "2026-01-31T10:00", "x" * 99], [1, True, None, "x", [], "2026-13-01"]),
    (datetime, ["", "tomorrow", "2026-02-30T10:00", "10:00"], [1, None, "x", [], "2026-01-01T25:00"]),
    (datetime, ["2026-03-29T02:30", "2026-10-25T02:30"], ["2026-03-29T02:30"]),  # the clocks change
    (time, ["", "25:00", "14:30+02:00", "14:30Z", "noon"], [1, None, "x", [], "14:30:00-05:00"]),
    (
        timedelta,
        ["", "soon", "1e400", "9" * 40, "P1Y", "P", "PT", "-P"],
        [None, True, [], "x", 1e300, float("nan"), 10**90],
    ),
    (UUID, ["", "1234", "g" * 32], [1, None, "x", []]),
    (Colour, ["", "green", "Red", "(0, 0, 8)"], ["green", 1, None, [0, 0, 9], True]),
    (Level, ["", "3", "low"], [True, 1.0, "1", 3, None]),
    (Right, ["", "8", "read", "READ|", "READ,WRITE", "-1", "9" * 40], [8, -1, True, 1.0, "1", "READ|x", None, {}, [8]]),
    (Literal[1, "a"], ["", "b", "true", "1.0"], [True, 1.0, "1", "b", None, []]),
    (list[int], ["a", "1,,2", "[1", "[1, 2", "[true]", "1\nx"], ["1", None, [1, "2"], [True], {}, [[1]]]),
    (tuple[int, str], ["", "1", "1,a,b", "x,a"], [[], [1], [1, "a", 2], ["a", "a"], "ab", None]),
    (set[int], ["1,x"], [[[1]], "12", {}]),
    (set, ["[[1]]"], [[[1]], [{}]]),
    (dict, ["", "[]", "a=1", '{"a": 1, "a": 2}', '{"__type__": "date"}', "{a: 1}"], [[], None, "{}", 1, {"a": {1}}]),
    (dict[int, int], ['{"x": 1}', '{"1": "1"}', '{"1": 1, "01": 1}'], [{"a": 1}, {"1": None}]),
    (int | None, ["x", "None", "null"], ["", "x", True]),
    (Any, ["", *NO_WORDS, "{'a': 1}", "[1,]", '"\\ud800"', "[" * 21 + "]" * 21], [{1}, b"x", float("nan"), 1j]),
    (Parcel, ["", "[]", "{}", '{"weight": 1, "height": 2}', '{"weight": true}'], [None, [], {}]),
    (Movie, ["", "[]", "{}", '{"name": 1}', '{"name": "a", "year": "x"}'], [None, [], {}, {"name": "a", "actor": "b"}]),
    (Movie, ['{"name": "a", "seen": ["soon"]}'], [{"name": "a", "sequels": [{"year": 1}]}, {"year": 1979}]),
    (Parcel, ['{"weight": 1, "parts": [{}]}'], [{"weight": 1, "parts": [{"weight": 1, "x": 1}]}]),
]


@pytest.mark.parametrize(
    ("annotation", "text"), [(annotation, text) for annotation, texts, _values in REFUSED for text in texts]
)
def test_a_text_that_is_no_such_value_is_refused_with_a_sentence(annotation, text):
    with pytest.raises(ValueError, match=r"\w.*[.”\]]$") as refused:
        kind_of(annotation).parse(text)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("annotation", "value"), [(annotation, value) for annotation, _texts, values in REFUSED for value in values]
)
def test_a_json_value_of_another_type_is_refused_with_a_sentence(annotation, value):
    with pytest.raises(ValueError, match=r"\w.*[.”\]]$"):
        kind_of(annotation).read(value)


@pytest.mark.parametrize("annotation", [str, int, Decimal, bool, date, datetime, time, timedelta, UUID, Colour, Parcel])
def test_a_field_does_not_show_what_is_not_of_its_kind(annotation):
    for value in (object(), b"x", 1j, [object()], "\x00"):
        with pytest.raises(ValueError):  # noqa: PT011 - any message will do
            kind_of(annotation).text(value)


@given(st.timedeltas())
def test_every_duration_survives_its_field(value):
    kind = kind_of(timedelta)
    assert kind.parse(kind.text(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_its_field(value):
    assert kind_of(float).parse(kind_of(float).text(value)) == value


@given(st.datetimes(timezones=st.timezones()))
def test_every_moment_survives_its_field(value):
    kind = kind_of(datetime)
    with django_timezone.override(ZONE):
        assert kind.parse(kind.text(value)).timestamp() == value.timestamp()  # 02:30 may be there twice, or never


def test_without_time_zones_a_moment_is_naive(settings):
    settings.USE_TZ = False
    with django_timezone.override(ZoneInfo("Europe/Berlin")):
        kind = kind_of(datetime)
        assert kind.parse("2026-01-31T14:30") == datetime(2026, 1, 31, 14, 30)
        assert kind.parse("2026-01-31T13:30Z") == datetime(2026, 1, 31, 14, 30)
        assert kind.text(datetime(2026, 1, 31, 14, 30)) == "2026-01-31T14:30:00"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python has no type statement")
def test_an_alias_that_holds_itself_ends_as_json():
    space: dict[str, Any] = {}
    exec("type Tree = list[Tree]\ntype Plain = int\ntype Lost = list[Nobody]", space)  # no syntax of 3.10
    assert kind_of(space["Plain"]).parse("1") == 1
    assert kind_of(space["Tree"]).read([[[]]]) == [[[]]]
    assert kind_of(space["Lost"]).label == "json"


def test_choices_are_what_is_typed():
    assert kind_of(bool).choices() == [("true", "true"), ("false", "false")]
    assert [text for text, _label in kind_of(Colour | None).choices()] == ["RED", "BLUE", "DEEP"]
    assert [text for text, _label in kind_of(Literal["1", 1, None]).choices()] == ['"1"', "1", "null"]


def test_flags_are_chosen_together_and_shown_by_their_names():
    kind = kind_of(Right | None)
    assert (kind.joined_by, [text for text, _label in kind.choices()]) == ("|", ["READ", "WRITE", "ADMIN", "ALL"])
    assert kind.text(Right.READ | Right.WRITE) == "READ|WRITE"
    assert kind.text(Right.ALL) == "ALL"


def test_flags_that_are_none_alone_are_no_choice():
    class Odd(IntFlag):
        BOTH = 6
        ONE = 1

    kind = kind_of(Odd)
    assert [kind.text(kind.read(number)) for number in (1, 6, 7)] == ["ONE", "BOTH", "BOTH|ONE"]
    with pytest.raises(ValueError, match="Choose one of"):
        kind.read(8)


def test_a_typed_dict_says_what_is_wrong_with_which_key():
    with pytest.raises(ValueError, match="The field “name” is missing"):
        kind_of(Movie).read({"year": 1979})
    with pytest.raises(ValueError, match="There is no field “actor”"):
        kind_of(Movie).read({"name": "Alien", "actor": "x"})
    with pytest.raises(ValueError, match="year: "):
        kind_of(Movie).read({"name": "Alien", "year": "x"})


def test_a_typed_dict_heeds_what_its_keys_say_of_themselves():
    extensions = pytest.importorskip("typing_extensions")
    by_text = {"name": "str", "year": "extensions.NotRequired[int]", "code": "extensions.ReadOnly[str]"}
    Film = extensions.TypedDict("Film", by_text)
    globals()["extensions"] = extensions
    try:
        assert kind_of(Film).read({"name": "Alien", "code": "A"}) == {"name": "Alien", "code": "A"}
        with pytest.raises(ValueError, match="The field “code” is missing"):
            kind_of(Film).read({"name": "Alien"})
    finally:
        del globals()["extensions"]


def test_a_typed_dict_of_which_nobody_knows_an_annotation_is_checked_by_its_keys():
    by_text = {"name": "NoSuchName", "year": "int"}
    Lost = TypedDict("Lost", by_text)
    assert kind_of(Lost).read({"name": [1], "year": None}) == {"name": [1], "year": None}
    with pytest.raises(ValueError, match="There is no field “actor”"):
        kind_of(Lost).read({"name": [1], "year": 1, "actor": 1})


def test_a_dataclass_says_itself_what_is_wrong():
    with pytest.raises(ValueError, match="refused: the weight is below 0"):
        kind_of(Parcel).parse('{"weight": -1}')


def test_a_dataclass_that_breaks_is_refused_and_says_no_values():
    @dataclass
    class Broken:
        a: str

        def __post_init__(self):
            raise KeyError(self.a)

    with pytest.raises(ValueError, match="refused: KeyError"):
        kind_of(Broken).read({"a": "hunter2"})


def test_an_enum_of_no_members_is_json():
    assert kind_of(Enum("Empty", {})).label == "json"


def test_a_pydantic_model_checks_its_own_values():
    pydantic = pytest.importorskip("pydantic")

    class Invoice(pydantic.BaseModel):
        number: int
        due: date

    kind = kind_of(Invoice)
    found = kind.parse('{"number": 1, "due": "2026-01-31"}')
    assert (kind.label, found.due) == ("Invoice", date(2026, 1, 31))
    assert kind.parse(kind.text(found)) == found
    for bad in ({}, {"number": "hunter2", "due": "2026-01-31"}, [], None, {"number": 1, "due": "x"}):
        with pytest.raises(ValueError, match=r"\w") as refused:
            kind.read(bad)
        assert "hunter2" not in str(refused.value)


@pytest.mark.django_db
class TestObjects:
    def test_an_object_is_its_primary_key(self, order):
        assert kind_of(Order).parse(f" {order.pk} ") == order.pk
        assert kind_of(Order | None).read(order.pk) == order.pk
        assert kind_of(list[Order]).parse(f"{order.pk}, {order.pk}") == [order.pk, order.pk]
        assert kind_of(Express).read(str(order.pk)) == order.pk

    @pytest.mark.database
    def test_a_key_comes_in_its_own_type(self):
        item = Item.objects.create()
        Page.objects.create(path="/a b/")
        assert kind_of(Item).parse(item.pk.hex) == item.pk
        assert kind_of(Page).parse("/a b/") == "/a b/"

    @pytest.mark.database
    @pytest.mark.parametrize(
        "key", ["", "x", "1.5", "-1", "9" * 30, "9" * 101, "\x00", "\ud800", True, None, [], {}, 1.0, 2**70]
    )
    def test_what_names_no_object_is_refused_in_the_same_words(self, key, order):
        for model in (Order, Item, Page):
            kind = kind_of(model)
            with pytest.raises(ValueError, match=r"There is no|cannot be sent"):
                kind.parse(key) if isinstance(key, str) else kind.read(key)

    def test_an_object_that_may_not_be_seen_is_refused_as_one_that_is_not_there(self, order):
        kind = kind_of(list[Order], sees=lambda instance: False)
        with pytest.raises(ValueError, match=r"^1: There is no order") as unseen:
            kind.read([order.pk])
        with pytest.raises(ValueError, match=r"^1: There is no order") as absent:
            kind.read([order.pk + 1])
        assert str(unseen.value) == str(absent.value)

    def test_choices_are_the_objects_that_may_be_seen(self, order):
        other = Order.objects.create()
        kind = kind_of(Order, sees=lambda instance: instance.pk == order.pk)
        assert kind.choices() == [(str(order.pk), f"Order {order.pk}")]
        assert [text for text, _label in kind_of(Order).choices()] == [str(order.pk), str(other.pk)]

    def test_more_than_100_objects_are_not_listed(self):
        Customer.objects.bulk_create(Customer(name="x") for _ in range(101))
        assert kind_of(Customer).choices() is None

    @pytest.mark.database
    def test_a_composite_key_is_json(self):
        assert kind_of(Seat).label == "json"
