"""What is captured is short, clean and without secrets, whatever a task was given."""

import datetime
import enum
import json
import sys
import uuid
from collections import OrderedDict, UserDict, namedtuple
from decimal import Decimal

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from hypothesis import example, given, settings
from hypothesis import strategies as st

from celery_ops import redaction
from celery_ops.redaction import (
    FAILED,
    MAX_BYTES,
    REDACTED,
    capture_arguments,
    capture_text,
    capture_value,
    capturing,
    secrets_of,
)
from celery_ops.redaction.text import DIRTY

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
AWS = "AKIAIOSFODNN7EXAMPLE"
CARD = "4242424242424242"


class Color(enum.Enum):
    RED = "red"


class BadDecimal(Decimal):
    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


class Limited(Decimal):
    def __str__(self):
        raise SoftTimeLimitExceeded


class Loud:
    def __str__(self):
        raise AssertionError("asked")

    __repr__ = __iter__ = __len__ = __bool__ = __eq__ = __hash__ = __str__


class LoudDict(dict):
    __iter__ = __len__ = items = keys = get = __getitem__ = __str__ = __repr__ = Loud.__str__


class LoudList(list):
    __iter__ = __len__ = __getitem__ = __str__ = __repr__ = Loud.__str__


class LoudStr(str):
    __slots__ = ()
    __len__ = __getitem__ = __str__ = __repr__ = __eq__ = __hash__ = Loud.__str__


class LoudInt(int):
    __int__ = __index__ = __str__ = __repr__ = __abs__ = __lt__ = Loud.__str__


class Liar:
    @property
    def __class__(self):
        raise RuntimeError


Payment = namedtuple("Payment", "amount cvv")


def shown(value, **options):
    return json.loads(capture_value(value, **options).text)


def arguments(*args, parameters=(), sensitive=(), **kwargs):
    return json.loads(capture_arguments(args, kwargs, parameters=parameters, sensitive=sensitive).text)


def nested(depth, leaf="leaf"):
    return [nested(depth - 1, leaf)] if depth else leaf


# Names


@pytest.mark.parametrize(
    "name", ["password", "API_KEY", "xAuthToken", "card_number", "sessionid", "Set-Cookie", "cvv2"]
)
def test_an_argument_with_a_hidden_name_does_not_show(name):
    assert arguments(**{name: "hunter2"})["kwargs"] == {name: REDACTED}


def test_a_positional_argument_is_known_by_its_parameter():
    assert arguments(1, "hunter2", parameters=("order_id", "password"))["args"] == [1, REDACTED]


def test_a_sensitive_parameter_does_not_show_by_position():
    assert arguments(1, 2, parameters=("order_id", "iban"), sensitive={"iban"})["args"] == [1, REDACTED]


def test_a_sensitive_parameter_does_not_show_by_keyword():
    assert arguments(iban="DE02", sensitive=("iban",))["kwargs"] == {"iban": REDACTED}


def test_sensitive_names_are_exact():
    assert arguments(iban_country="DE", sensitive=("iban",))["kwargs"] == {"iban_country": "DE"}


def test_a_hidden_name_hides_at_any_depth():
    assert shown([{"a": {"b": [{"token": ["x"]}]}}]) == [{"a": {"b": [{"token": REDACTED}]}}]


def test_a_hidden_name_may_be_bytes():
    assert list(shown({b"password": "hunter2"}).values()) == [REDACTED]


def test_the_fields_of_a_named_tuple_are_names():
    assert shown(Payment(5, 123)) == [5, REDACTED]


@pytest.mark.parametrize("name", ["password", "X-Api-Key", "user_pin"])
def test_the_first_of_a_pair_is_a_name(name):
    assert shown([(name, "hunter2"), ("x", "y")]) == [[name, REDACTED], ["x", "y"]]
    assert arguments([[name, 4711]], {"headers": ((name, "hunter2"),)})["args"] == [
        [[name, REDACTED]],
        {"headers": [[name, REDACTED]]},
    ]
    assert "hunter2" not in arguments([(name, "hunter2")], "it was hunter2")["args"][1]


@pytest.mark.parametrize(
    "value",
    [
        [["token", None]],
        [["token", "key", "name"]],
        [["the token of an order", "is gone"]],
        {"name": "order", "value": "x"},
        {"name": "token", "value": None},
        {"name": "token", "title": "x"},
    ],
)
def test_what_is_no_pair_of_a_hidden_name_shows(value):
    assert arguments(value)["args"] == [value]


def test_two_arguments_are_no_pair():
    assert arguments("card", "x")["args"] == ["card", "x"]


@pytest.mark.parametrize("name", ["name", "key", "Name"])
def test_a_name_beside_a_value_is_that_values(name):
    value = "Value" if name.istitle() else "value"
    given = {name: "db_password", value: "hunter2", "x": 1}
    shown = arguments([given], "it was hunter2")["args"]
    assert (shown[0][0][value], shown[0][0]["x"], shown[1]) == (REDACTED, 1, f"it was {REDACTED}")


def test_a_name_too_long_to_judge_hides_its_value():
    assert list(shown({"x" * 300: "hunter2"}).values()) == [REDACTED]


def test_none_shows_under_a_hidden_name():
    assert arguments(token=None)["kwargs"] == {"token": None}


def test_the_names_are_the_sites(settings):
    settings.CELERY_OPS = {"REDACT_KEYS": ["iban"]}
    assert arguments(IBAN="DE02", password="x")["kwargs"] == {"IBAN": REDACTED, "password": "x"}


def test_the_names_are_read_live(settings):
    settings.CELERY_OPS = {"REDACT_KEYS": ["iban"]}
    arguments(iban="DE02")
    settings.CELERY_OPS["REDACT_KEYS"] = ["bic"]
    assert arguments(iban="DE02")["kwargs"] == {"iban": "DE02"}


# Values

SECRETS = {
    "a JWT": (f"got {JWT} back", JWT),
    "a PEM block": (f"got {PEM} back", "MIIEowIBAAKCAQEA"),
    "a PEM block without end": (f"got {PEM[:40]}", "MIIE"),
    "a PEM block in a repr": (repr(PEM), "MIIEowIBAAKCAQEA"),
    "an AWS id": (f"got {AWS}, back", AWS),
    "a card number": (f"paid with {CARD}.", CARD),
    "a card number in groups": ("paid with 4242 4242 4242 4242", "4242"),
    "a card number with dashes": ("paid with 4242-4242-4242-4242", "4242"),
    "a card number before its expiry": ("4242 4242 4242 4242 12/27", "4242"),
    "a card number after a number": (f"order 12 {CARD} 123", CARD),
    "an Amex number": ("3782 822463 10005", "822463"),
    "a URL's password": ("redis://:hunter2@redis:6379/0", "hunter2"),
    "a URL's user and password": ("amqp://celery:hunter2@mq//", "hunter2"),
    "a URL's password with an at sign": ("amqp://celery:hun@ter@mq//", "ter@"),
    "a URL's password with a slash": ("amqp://celery:hun/ter2@mq//", "ter2"),
    "a URL's token": ("https://ghp_0123456789abcdef@github.com/x", "ghp_"),
    "a query's token": ("https://x.example/?id=5&access_token=hunter2&z=1", "hunter2"),
    "a bearer token": ("Bearer 0123456789abcdef", "0123456789abcdef"),
    "a header": ("Authorization: Basic dXNlcjpwYXNz\nHost: x", "dXNlcjpwYXNz"),
    "a cookie header": ("Cookie: a=hunter1; b=hunter2", "hunter2"),
    "an assignment": ("login(password=hunter2)", "hunter2"),
    "a quoted assignment": ("login(password='hunter 2', x=1)", "hunter 2"),
    "a colon": ("password: hunter2", "hunter2"),
    "JSON": ('{"password": "hunter \\"2", "x": 1}', "hunter"),
    "JSON in JSON": (json.dumps(json.dumps({"password": "hunter2"})), "hunter2"),
    "JSON with an escape in a name": (json.dumps({"token_accès_é": "hunter2"}), "hunter2"),
    "JSON in JSON with an escape in a name": (json.dumps(json.dumps({"Passé": "hunter2"})), "hunter2"),
    "a repr": ("{'api_key': 'hunter2', 'x': 1}", "hunter2"),
    "a repr of bytes": ("{'api_key': b'hunter2'}", "hunter2"),
    "a list under a hidden name": ("{'tokens': ['a)', 'hunter2'], 'x': 1}", "hunter2"),
    "a dict under a hidden name": ("{'card': {'number': 1, 'owner': {'name': 'hunter2'}}}", "hunter2"),
    "PostgreSQL's detail": ("Key (token)=(hunter2) already exists.", "hunter2"),
    "a form's field": ("user[password]=hunter2", "hunter2"),
    "a quote that never ends": ("password='hunter2, and more", "hunter2"),
    "a repr of pairs": ("[('x', 1), ('password', 'hunter2')]", "hunter2"),
    "a repr of a pair that is short": ("('pwd','42')", "42"),
    "a repr of pairs of numbers": ("[('pin', 4711), ('x', 1)]", "4711"),
    "a repr of pairs of bytes": ("[(b'Authorization', b'hunter2')]", "hunter2"),
    "JSON of pairs": (json.dumps([["password", "hunter2"], ["x", 1]], indent=4), "hunter2"),
    "JSON in JSON of pairs": (json.dumps(json.dumps([["password", "hunter2"]])), "hunter2"),
    "a pair that is cut": ("[('password', 'hunt", "hunt"),
    "JSON of a name and its value": (json.dumps([{"name": "DB_PASSWORD", "value": "hunter2"}]), "hunter2"),
    "an element": ("<user>x</user><password>hunter2</password>", "hunter2"),
    "an element of several words": ("<password>hunter 2</password>", "hunter"),
    "an element with others inside": ("<credentials><a>b</a><c>hunter2</c></credentials>", "hunter2"),
    "an element with attributes": ('<wsse:Password Type="a">hunter2</wsse:Password>', "hunter2"),
    "an element with CDATA": ("<password><![CDATA[hunter2]]></password>", "hunter2"),
    "an element in capitals": ("<PASSWORD>hunter2</PASSWORD>", "hunter2"),
    "an element of a short name": ("<pin>4711</pin>", "4711"),
    "an element that is cut": ("<password>hunter2", "hunter2"),
    "an element with attributes that is cut": ('<password type="a">hunter2', "hunter2"),
    "an escaped element": ("&lt;password&gt;hunter2&lt;/password&gt;", "hunter2"),
    "an element escaped for a script": ("\\u003Cpassword\\u003Ehunter2\\u003C/password\\u003E", "hunter2"),
    "an element whose end JSON escapes": (r"<password>hunter 2<\/password>", "hunter"),
    "an attribute": ('<login password="hunter2"/>', "hunter2"),
    "an attribute of a hidden element": ('<token key="hunter1">hunter2</token>', "hunter1"),
    "attributes that are a name and its value": ('<property name="password" value="hunter 2"/>', "hunter"),
    "YAML": ("user: x\npassword: hunter2\n", "hunter2"),
    "YAML with a tag": ("password: !secret hunter2\n", "hunter2"),
    "YAML with a tag and quotes": ("password: !!str 'hunter 2'\n", "hunter"),
    "a secret like YAML's tag": ("password: !hunter2 x\n", "hunter2"),
    "YAML of several lines": ("password: |\n  hunter1\n\n  hunter2\nuser: x\n", "hunter2"),
    "YAML of several lines that is cut": ("a:\n  password: >-\n    x\n    hunter2", "hunter2"),
    "YAML of several lines in a repr": (repr("password: |\n  hunter1\n  hunter2\nuser: x\n"), "hunter2"),
    "a list in YAML": ("passwords:\n  - hunter1\n  - hunter2\nuser: x\n", "hunter2"),
    "a list in YAML that is not indented": ("passwords:\n- hunter1\n- hunter2\nuser: x\n", "hunter2"),
    "a mapping in YAML": ("a:\n  credentials:\n            x: hunter1\n            y: hunter2\n  b: c\n", "hunter2"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_a_message_does_not_show(text, secret):
    assert secret not in capture_text(text).text


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_a_string_in_a_result_does_not_show(text, secret):
    assert secret not in capture_value({"x": [text]}).text


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_redacting_twice_changes_nothing_more(text, secret):
    once = capture_text(text).text
    assert capture_text(once).text == once


@pytest.mark.parametrize("text", [text for text, _ in SECRETS.values()], ids=SECRETS)
def test_redacted_text_is_not_exact(text):
    assert not capture_text(text).exact


@pytest.mark.parametrize("value", [int(CARD), -int(CARD), float(CARD), Decimal(CARD), CARD.encode(), {int(CARD): 1}])
def test_a_card_number_does_not_show_whatever_its_type(value):
    assert "42424242" not in capture_value(value).text


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'token'",
        "django.core.signing.BadSignature: it does not match",
        "CardDeclined: insufficient funds",
        "AuthenticationFailed: who are you",
        'File "/app/auth.py", line 3, in get_token',
        "http://worker:8000/users/me@example.com",
        "ssh://git@example.com/x",
        "550e8400-e29b-41d4-a716-446655440000",
        "from 2024-01-15 2024-01-16",
        "5.4242424242424242",
        "4242424242424241",
        "1700000000007",
        "https://example.com/a?b=c",
        "for key in rows: pass",
        "if token < limit and 5 > x",
        "os.environ.get('SECRET_KEY', None)",
        "columns['token', 'name']",
        "missing: ['password', 'email', 'name']",
        "<Session object at 0x7f21> is gone",
        "usage: login <password> <user>",
        "no value for <api_key>: give one",
        "('a token', 'a word')",
        "line\n\tnext",
        "naïve 中文 🙂",
    ],
)
def test_harmless_text_stays_as_it_is(text):
    assert capture_text(text) == redaction.Captured(text, True)


def test_a_url_keeps_its_host():
    assert capture_text("redis://:hunter2@redis:6379/0").text == f"redis://{REDACTED}@redis:6379/0"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[('password', 'x'), ('a', 1)]", f"[('password', '{REDACTED}'), ('a', 1)]"),
        ("[('pin', 4711), ('a', 1)]", f"[('pin', {REDACTED}), ('a', 1)]"),
        ("<a><token>x</token><b>1</b></a>", f"<a><token>{REDACTED}</token><b>1</b></a>"),
        ("password: |\n  x\n  y\na: b\n", f"password: |\n  {REDACTED}\na: b\n"),
        ("passwords:\n- x\n- y\na: b\n", f"passwords:\n{REDACTED}\na: b\n"),
    ],
)
def test_what_stands_around_a_hidden_value_shows(text, shown):
    assert capture_text(text).text == shown


def test_redacted_json_in_a_string_stays_json():
    assert json.loads(capture_text('{"password": "x", "a": 1}').text) == {"password": REDACTED, "a": 1}


# Secrets known from the arguments


def test_the_secrets_of_arguments_are_what_redaction_hides():
    found = secrets_of(
        (1, "hunter2"),
        {"card": {"number": 123456, "owner": b"Jane"}, "url": "redis://u:swordfish@h", "plain": "visible"},
        parameters=("order_id", "iban"),
        sensitive={"iban"},
    )
    assert set(found) == {"hunter2", "123456", "Jane", "swordfish"}


def test_short_secrets_are_left_out():
    assert secrets_of((), {"cvv": "123", "pass": True}) == ()


def test_what_the_sites_redactor_changes_is_a_secret(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.mask"}
    assert secrets_of((), {"email": "jane@example.com", "x": "visible"}) == ("jane@example.com",)


def test_there_is_an_end_to_secrets():
    assert len(secrets_of((), {"tokens": [[f"secret{i}{j}" for j in range(60)] for i in range(60)]})) == 64


@pytest.mark.parametrize(
    "written", ['it\'s "5"\n', repr('it\'s "5"\n'), json.dumps('it\'s "5"\n'), "?q=it%27s%20%225%22%0A"]
)
def test_a_secret_is_hidden_however_it_is_written(written):
    assert "it" not in capture_text(f"bad: {written}", secrets=('it\'s "5"\n',)).text


def test_secrets_are_hidden_in_results():
    assert shown({"a": ["got hunter2"], "b": 123456}, secrets=("hunter2", "123456")) == {
        "a": [f"got {REDACTED}"],
        "b": REDACTED,
    }


def test_secrets_shorter_than_four_characters_hide_nothing():
    assert capture_text("a cab", secrets=("a", "")).text == "a cab"


# Types


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.timezone.utc), "2026-01-02 03:00:00+00:00"),
        (datetime.timedelta(hours=1), "1:00:00"),
        (Decimal("1.50"), "1.50"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Color.RED, "red"),
        (BadDecimal(1), "[unprintable BadDecimal]"),
        (b"hunter2", "[7 bytes]"),
        (bytearray(3), "[3 bytes]"),
        (User(pk=5), "auth.User 5"),
        (Session(pk="hunter2"), f"sessions.Session {REDACTED}"),
        (User.objects.all(), "[QuerySet object]"),
        ((each for each in [1]), "[generator object]"),
        (UserDict(a=1), "[UserDict object]"),
        (Loud(), "[Loud object]"),
        (Liar(), "[Liar object]"),
        (float("nan"), "nan"),
        (10**5000, "[16610-bit integer]"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_not_json_shows_as_text(value, text):
    assert shown([value]) == [text]


@pytest.mark.parametrize("value", [{1}, b"", Decimal(1), {1: 2}, float("inf"), Loud()], ids=lambda v: type(v).__name__)
def test_a_value_that_is_not_json_is_not_exact(value):
    assert not capture_value(value).exact


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "é", [], {}, (1, 2), {"a": [None]}, OrderedDict(b=1)])
def test_a_json_value_is_exact(value):
    assert capture_value(value) == redaction.Captured(json.dumps(value, ensure_ascii=False), True)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (LoudDict(a=1), {"a": 1}),
        (LoudList([1]), [1]),
        (LoudStr("hello, you"), "hello, you"),
        (LoudInt(5), 5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hostile_subclass_is_not_asked(value, plain):
    assert shown(value) == plain


def test_a_deferred_key_is_not_fetched():
    user = User(pk=5)
    del user.__dict__["id"]
    assert shown(user) == "auth.User None"


@pytest.mark.parametrize("bad", ["\x00", "\x1b", "\x7f", "\x85", "\ud800"], ids=ascii)
def test_what_no_database_and_no_terminal_takes_is_replaced(bad):
    assert capture_text(f"a{bad}b").text == "a\ufffdb"


def test_a_replaced_character_is_not_exact():
    assert not capture_value("a\x00b").exact


# Bounds


def test_depth_ends_at_five():
    assert shown(nested(9)) == nested(5, "…")


def test_breadth_ends_at_twenty():
    assert shown(list(range(25))) == [*range(20), "… 5 more"]


def test_the_breadth_of_a_dict_ends_at_twenty():
    assert shown({f"n{i}": i for i in range(25)})["…"] == "5 more"


@pytest.mark.parametrize(
    "value",
    ["x" * 3000, "é" * 3000, '"' * 3000, ["y" * 900] * 5, {"k" * 50 + str(i): "v" * 500 for i in range(30)}],
    ids=["ascii", "two bytes", "escaped", "list", "dict"],
)
def test_a_large_value_is_cut_inside_so_that_it_stays_json(value):
    captured = capture_value(value)
    assert len(captured.text.encode()) <= MAX_BYTES
    assert "…" in json.dumps(json.loads(captured.text), ensure_ascii=False)


def test_a_large_argument_leaves_room_for_the_others():
    captured = capture_arguments(("x" * 10_000, 7), {"order_id": 5})
    assert json.loads(captured.text)["kwargs"] == {"order_id": 5}


def test_a_value_that_was_cut_is_not_exact():
    assert not capture_value("x" * 3000).exact


def test_a_value_that_just_fits_is_exact():
    assert capture_value("x" * (MAX_BYTES - 2)).exact


def test_a_traceback_keeps_its_end():
    text = capture_text("start\n" + "line\n" * 2000 + "ValueError: the end", tail=True).text
    assert text.startswith("…")
    assert text.endswith("ValueError: the end")


def test_a_message_keeps_its_beginning():
    text = capture_text("the start" + "é" * 5000).text
    assert text.startswith("the start")
    assert text.endswith("é…")


@pytest.mark.parametrize(
    "secret", [JWT, AWS, CARD, PEM, "redis://:hunter2hunter2@h"], ids=["jwt", "aws", "card", "pem", "url"]
)
@pytest.mark.parametrize("tail", [False, True])
def test_a_secret_across_the_cut_does_not_leak(secret, tail):
    for shift in range(1, len(secret)):
        filler = "." * (MAX_BYTES - 3 - shift)
        text = f"{'.' * 9000}{secret}{filler}" if tail else f"{filler}{secret}{'.' * 9000}"
        shown = capture_text(text, tail=tail).text
        assert not any(secret[i : i + 10] in shown for i in range(10, len(secret) - 10))


@pytest.mark.parametrize("tail", [False, True])
def test_a_known_secret_across_the_cut_does_not_leak(tail):
    for shift in range(1, 12):
        filler = "." * (MAX_BYTES - 3 - shift)
        text = f"{'.' * 9000}swordfish123{filler}" if tail else f"{filler}swordfish123{'.' * 9000}"
        shown = capture_text(text, tail=tail, secrets=("swordfish123",)).text
        assert not any("swordfish123"[i : i + 2] in shown for i in range(11))


def test_a_pem_block_whose_beginning_was_cut_does_not_leak():
    text = "-----BEGIN CERTIFICATE-----\n" + "MIIE" * 3000 + "\n-----END CERTIFICATE-----\nValueError: it"
    assert "MIIE" not in capture_text(text, tail=True).text


# Modes, the site's redactor, failures


def mask(name, value):
    return "***" if name == "email" else value


def broken(name, value):
    raise ValueError("hunter2")


def greedy(name, value):
    return {"password": "x" * 5000, "value": value}


def emptied(name, value):
    value.clear()
    return value


def limited(name, value):
    raise SoftTimeLimitExceeded


def test_nothing_is_captured_in_mode_none():
    assert capture_arguments((1,), {}, mode="none") == redaction.Captured("", False)


def test_full_shows_what_redacted_hides():
    captured = capture_arguments((), {"password": CARD}, mode="full")
    assert captured == redaction.Captured(f'{{"args": [], "kwargs": {{"password": "{CARD}"}}}}', True)


def test_full_is_bounded_too():
    assert len(capture_arguments(("x" * 10_000,), {}, mode="full").text.encode()) <= MAX_BYTES


def test_an_unknown_mode_redacts():
    assert "hunter2" not in capture_arguments((), {"password": "hunter2"}, mode="ful").text


def test_the_sites_redactor_is_asked_for_each_argument(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.mask"}
    assert arguments("a@b.c", 5, parameters=("email",), email="d")["kwargs"] == {"email": "***"}


def test_what_the_sites_redactor_changes_is_not_exact(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.mask"}
    assert not capture_arguments(("a@b.c",), {}, parameters=("email",)).exact


def test_what_the_sites_redactor_changes_in_place_is_not_exact(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.emptied"}
    assert not capture_arguments(([1],), {}).exact


def phones(name, value):
    """A redactor with a mark of its own, which looks into values."""
    if isinstance(value, dict):
        return {key: "<hidden>" if key == "phone" else item for key, item in value.items()}
    if isinstance(value, list):
        return [phones(name, item) for item in value]
    return "<hidden>" if name == "price" else value.replace("555-zebra", "<hidden>") if name == "note" else value


@pytest.mark.parametrize(
    "given",
    [
        {"customer": {"name": "Ada", "phone": "555-zebra"}},
        {"customers": [{"name": "Ada"}, {"phone": ["555-zebra"]}]},
        {"note": "call 555-zebra at noon"},
        {"price": 1234.56},
        {"price": "555-zebra"},
    ],
    ids=repr,
)
def test_what_the_sites_redactor_hides_is_hidden_where_it_is_repeated(settings, given):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.phones"}
    repeated = {"said": "Ada said 555-zebra and 1234.56 at noon"}
    secrets = redaction.secrets_of((), given)
    texts = (capture_arguments((), {**given, **repeated}).text, capture_value(repeated, secrets=secrets).text)
    hidden = "1234.56" if given.get("price") == 1234.56 else "555-zebra"
    for text in texts:
        assert hidden not in text
        assert "Ada said" in text
        assert "at noon" in text


def test_what_the_sites_redactor_leaves_is_exact(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.mask"}
    assert capture_arguments((5, list("abc")), {}, parameters=("order_id",)).exact


def test_what_the_sites_redactor_returns_is_held_to_the_rules(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.greedy"}
    assert arguments(5)["args"] == [{"password": REDACTED, "value": 5}]


def test_a_redactor_that_raises_is_logged_once_without_the_value(settings, monkeypatch, caplog):
    monkeypatch.setattr("celery_ops.logs.said", set())
    settings.CELERY_OPS = {"REDACTOR": lambda name, value: int(value)}
    for _time in range(2):
        assert arguments("hunter2")["args"] == [FAILED]
    (record,) = [record for record in caplog.records if record.name == "celery_ops.redaction"]
    assert "ValueError" in record.getMessage()
    assert "hunter2" not in record.getMessage()


def test_a_redactor_that_raises_hides_the_argument(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.broken"}
    assert arguments(5)["args"] == [FAILED]


@pytest.mark.parametrize("value", [{"REDACTOR": "nowhere.at.all"}, {"REDACT_KEYS": 5}, None, []], ids=repr)
def test_broken_settings_show_nothing(settings, value):
    settings.CELERY_OPS = value
    assert capture_arguments((5,), {}) == redaction.Captured(FAILED, False)


def test_a_redactor_lets_the_tasks_time_limit_through(settings):
    settings.CELERY_OPS = {"REDACTOR": f"{__name__}.limited"}
    with pytest.raises(SoftTimeLimitExceeded):
        capture_arguments((5,), {})


@pytest.mark.parametrize("capture", [capture_value, redaction.redact, lambda value: capture_arguments((value,), {})])
def test_a_value_lets_the_tasks_time_limit_through(capture):
    with pytest.raises(SoftTimeLimitExceeded):
        capture(Limited(1))


def test_text_that_is_none_is_empty():
    assert capture_text(None) == redaction.Captured("", True)


@pytest.mark.parametrize("args", [None, 5, "abc", Loud(), {"a": 1}], ids=lambda v: type(v).__name__)
def test_arguments_of_a_strange_shape_do_not_raise(args):
    assert json.loads(capture_arguments(args, args).text).keys() == {"args", "kwargs"}


def test_redact_returns_a_plain_structure():
    assert redaction.redact({"a": (1, Decimal(2)), "token": "x"}) == {"a": [1, "2"], "token": REDACTED}


def test_redact_knows_the_name_of_its_value():
    assert redaction.redact("hunter2", "password") == REDACTED


# Bounds and everything else


def calls_of(function, *args):
    """How many Python functions a call goes through: a measure of work that no busy machine changes."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        function(*args)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "value", ["x" * 10_000_000, [0] * 1_000_000, dict.fromkeys(range(100_000))], ids=["str", "list", "dict"]
)
def test_a_huge_value_costs_no_more_than_its_beginning(value):
    assert calls_of(capture_arguments, (value,), {}) < 500


@pytest.mark.parametrize("leaf", [None, True, 1, "", ()], ids=repr)
def test_a_bushy_value_costs_no_more_than_its_beginning(leaf):
    value = leaf
    for _ in range(5):
        value = [value] * 20
    assert calls_of(capture_value, value) < 200_000


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((42,), {}),
        (("abc", 7), {"order_id": 5, "when": "550e8400-e29b-41d4-a716-446655440000"}),
        (("é" * 12,) * 20, {f"name_{i}": "字" * 12 for i in range(20)}),
    ],
    ids=["number", "words", "many"],
)
@pytest.mark.parametrize("brief", [False, True])
def test_the_short_way_and_the_long_way_say_the_same(args, kwargs, brief, monkeypatch):
    short = capture_arguments(args, kwargs, brief=brief)
    monkeypatch.setattr(capturing, "tiny_arguments", lambda *arguments: None)
    assert capture_arguments(args, kwargs, brief=brief) == short


TEXT = st.text() | st.text(alphabet="key=:'\"[](){}\\ 42@/-eyJ.\n\x00\ud800é…")
LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.binary(max_size=9)
    | st.decimals()
    | st.datetimes()
    | st.uuids()
)
KEY = TEXT | st.integers() | st.binary(max_size=9) | st.none() | st.tuples(st.integers())
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner) | st.dictionaries(KEY, inner) | st.tuples(inner, inner),
    max_leaves=60,
)


@given(value=VALUE, scale=st.sampled_from([1, 50, 3000]))
@settings(deadline=None)
def test_a_result_is_json_within_two_kib_whatever_the_value(value, scale):
    captured = capture_value([value] * scale if scale < 3000 or not isinstance(value, str) else value * scale)
    assert len(captured.text.encode()) <= MAX_BYTES
    json.loads(captured.text)


@given(args=st.lists(VALUE, max_size=30), kwargs=st.dictionaries(TEXT, VALUE, max_size=30))
@settings(deadline=None)
def test_arguments_are_json_within_two_kib_whatever_they_are(args, kwargs):
    captured = capture_arguments(tuple(args), kwargs, parameters=("order_id", "token"))
    assert len(captured.text.encode()) <= MAX_BYTES
    json.loads(captured.text)


@given(args=st.lists(VALUE, max_size=3), kwargs=st.dictionaries(TEXT, VALUE, max_size=3))
@example(args=["kwar"], kwargs={})  # a secret that is a part of our own words
@settings(deadline=None)
def test_arguments_say_the_same_briefly(args, kwargs):
    brief, whole = (capture_arguments(args, kwargs, parameters=("token",), brief=brief) for brief in (True, False))
    assert len(brief.text.encode()) <= MAX_BYTES
    if "…" not in whole.text:
        given = dict(zip(("args", "kwargs"), json.loads(f"[{brief.text}]"), strict=False))
        assert ({"kwargs": {}, **given}, brief.exact) == (json.loads(whole.text), whole.exact)


@given(value=VALUE)
@settings(deadline=None)
def test_exact_means_that_json_would_carry_the_same(value):
    captured = capture_arguments((value,), {})
    if captured.exact:
        assert json.loads(captured.text)["args"] == json.loads(json.dumps([value]))


@given(text=TEXT, tail=st.booleans(), known=st.text(min_size=4))
def test_a_text_is_within_two_kib_and_clean(text, tail, known):
    captured = capture_text(text * 300, tail=tail, secrets=(known,))
    assert len(captured.text.encode()) <= MAX_BYTES
    assert not DIRTY.search(captured.text)


@given(value=VALUE)
def test_the_secrets_of_any_value_are_texts(value):
    assert all(type(each) is str and len(each) >= 4 for each in secrets_of((value,), {"token": value}))
