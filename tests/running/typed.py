"""What the tests of this folder share: the example tasks of ``tests.shop.typed`` and a form of each."""

from typing import Any
from uuid import UUID

from celery_ops.forms.run import RunForm
from celery_ops.running.allowlist import Runnable
from tests.celery import app
from tests.shop import typed

ID = "12345678-1234-5678-1234-567812345678"

#: Task of ``tests.shop.typed``, what is typed into its field ``value``, and the type and the repr that the worker says.
RECEIVED = [
    ("text", " Größe 'x' ", "str", "\" Größe 'x' \""),
    ("whole", "42", "int", "42"),
    ("broken", "2", "float", "2.0"),
    ("exact", "1.10", "Decimal", "Decimal('1.10')"),
    ("yes", "False", "bool", "False"),
    ("day", "2026-01-31", "date", "datetime.date(2026, 1, 31)"),
    (
        "moment",
        "2026-01-31T14:30+00:00",
        "datetime",
        "datetime.datetime(2026, 1, 31, 14, 30, tzinfo=datetime.timezone.utc)",
    ),
    ("moment", "2026-01-31T14:30", "datetime", "datetime.datetime(2026, 1, 31, 14, 30, tzinfo=datetime.timezone.utc)"),
    ("clock", "14:30", "time", "datetime.time(14, 30)"),
    ("length", "1 02:30:00", "float", "95400.0"),
    ("uuid", ID, "UUID", repr(UUID(ID))),
    ("colour", "RED", "str", "'red'"),
    ("colour", "DEEP", "list", "[0, 0, 9]"),
    ("level", "HIGH", "int", "2"),
    ("right", "WRITE|READ", "int", "3"),
    ("maybe_right", "ADMIN", "int", "4"),
    ("literal", "1", "int", "1"),
    ("literal", "true", "bool", "True"),
    ("numbers", "1, 2", "list", "[1, 2]"),
    ("days", "2026-01-31\n2026-02-01", "list", "[datetime.date(2026, 1, 31), datetime.date(2026, 2, 1)]"),
    ("old_list", "[1, 2.5]", "list", "[1.0, 2.5]"),
    ("bare_list", "1, b", "list", "[1, 'b']"),
    ("sequence", "1.0", "list", "[Decimal('1.0')]"),
    ("pair", "1, x", "list", "[1, 'x']"),
    ("run", "14:30", "list", "[datetime.time(14, 30)]"),
    ("words", "b, a", "list", "['a', 'b']"),
    ("frozen", "2, 1", "list", "[1, 2]"),
    ("counts", '{"a": 1}', "dict", "{'a': 1}"),
    ("by_day", '{"2026-01-31": "1.5"}', "dict", "{'2026-01-31': Decimal('1.5')}"),
    ("bare_dict", '{"a": [null]}', "dict", "{'a': [None]}"),
    ("mapping", '{"a": "2026-01-31"}', "dict", "{'a': datetime.date(2026, 1, 31)}"),
    ("maybe", "", "NoneType", "None"),
    ("maybe", "5", "int", "5"),
    ("maybe_text", "", "NoneType", "None"),
    ("either", '"5"', "str", "'5'"),
    ("secret", "hunter2", "str", "'hunter2'"),
    ("noted", "5", "int", "5"),
    ("order", "71", "int", "71"),
    ("item", ID, "UUID", repr(UUID(ID))),
    ("page", "/a b/", "str", "'/a b/'"),
    ("orders", "71,71", "list", "[71, 71]"),
    ("seat", '["A", 1]', "list", "['A', 1]"),
    (
        "parcel",
        '{"weight": "1.5", "due": "2026-01-31"}',
        "dict",
        "{'weight': Decimal('1.5'), 'due': datetime.date(2026, 1, 31), 'colour': 'red', 'parts': []}",
    ),
    (
        "parcels",
        '[{"weight": 1}]',
        "list",
        "[{'weight': Decimal('1'), 'due': None, 'colour': 'red', 'parts': []}]",
    ),
    ("movie", '{"name": "Alien", "year": 1979}', "dict", "{'name': 'Alien', 'year': 1979}"),
    ("number", "5", "int", "5"),
    ("anything", "[1.5, true]", "list", "[1.5, True]"),
    ("by_name", "RED, blue", "list", "['red', 'blue']"),
    ("nowhere", "{}", "dict", "{}"),
    ("untold", '"x"', "str", "'x'"),
]
if "invoice" in typed.ANNOTATIONS:
    RECEIVED.append(("invoice", '{"number": 1, "due": "2026-01-31"}', "dict", "{'number': 1, 'due': '2026-01-31'}"))


class Everybody:
    """A user whom the default policy lets see everything."""

    is_active = is_staff = True
    pk = 1


def runnable(name: str, **options: Any) -> Runnable:
    full = typed.PREFIX + name
    return Runnable(name=full, task=app.tasks[full], **options)


def form(name: str, data: dict[str, Any] | None = None, user: Any = None, **options: Any) -> RunForm:
    return RunForm(runnable(name), user or Everybody(), data, **options)
