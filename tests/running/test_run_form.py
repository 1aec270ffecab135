"""The form of one run: what is sent for what is typed, what is refused, and what a page shows."""

import json
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django import forms
from django.db.models import TextChoices
from django.http import QueryDict
from django.template import Context, Template
from django.utils import timezone as django_timezone

from celery_ops.exceptions import BadInput
from celery_ops.forms.fields import default_text
from celery_ops.forms.json_arguments import carried_arguments
from celery_ops.forms.run import RunForm
from celery_ops.running.allowlist import Runnable
from celery_ops.running.kinds import kind_of
from celery_ops.running.options import read_options
from celery_ops.running.parameters import Parameter
from celery_ops.tracking.registry import registry
from tests.shop.models import Order
from tests.shop.typed import Colour, Level, Parcel

from .typed import Everybody, form, runnable

DEEP = "[" * 21 + "]" * 21
ID = "12345678-1234-5678-1234-567812345678"
HUGE = "x" * 65_537
HOSTILE = ["\x00", "a\x00b", "\ud800", HUGE]

#: task, POST, the names in the POST that have messages
REFUSED = [
    *(("whole", {"arg-value": text}, {"arg-value"}) for text in ["", " ", "x", "1.5", "9" * 101, "NaN", *HOSTILE]),
    *(("text", {"arg-value": text}, {"arg-value"}) for text in ["", *HOSTILE]),
    *(("broken", {"arg-value": text}, {"arg-value"}) for text in ["", "x", "nan", "inf", "1e400", "1,5", *HOSTILE]),
    *(("exact", {"arg-value": text}, {"arg-value"}) for text in ["", "x", "NaN", "Infinity", "1e400", *HOSTILE]),
    *(("yes", {"arg-value": text}, {"arg-value"}) for text in ["", "maybe", "2", *HOSTILE]),
    *(("day", {"arg-value": text}, {"arg-value"}) for text in ["", "x", "2026-02-30", "1.1.2026", *HOSTILE]),
    *(("moment", {"arg-value": text}, {"arg-value"}) for text in ["", "x", "2026-02-30T10:00", "10:00", *HOSTILE]),
    *(("clock", {"arg-value": text}, {"arg-value"}) for text in ["", "x", "25:00", "10:00Z", *HOSTILE]),
    *(("length", {"arg-value": text}, {"arg-value"}) for text in ["", "x", "9" * 50, *HOSTILE]),
    *(("uuid", {"arg-value": text}, {"arg-value"}) for text in ["", "x", ID[:-1], *HOSTILE]),
    *(("colour", {"arg-value": text}, {"arg-value"}) for text in ["", "green", *HOSTILE]),
    *(("literal", {"arg-value": text}, {"arg-value"}) for text in ["", "b", "2", "True", *HOSTILE]),
    *(("numbers", {"arg-value": text}, {"arg-value"}) for text in ["", "x", "[1", '["1"]', "[1,[2]]", DEEP, *HOSTILE]),
    *(("words", {"arg-value": text}, {"arg-value"}) for text in ["[1]", "[[]]", '["\\u0000"]', *HOSTILE]),
    *(("pair", {"arg-value": text}, {"arg-value"}) for text in ["1", "1,2,3", "x,y", "[1]", *HOSTILE]),
    *(("counts", {"arg-value": text}, {"arg-value"}) for text in ["", "[]", '{"a": "1"}', '{"a":1,"a":2}', *HOSTILE]),
    *(("bare_dict", {"arg-value": text}, {"arg-value"}) for text in ['{"__type__": 1}', '{"a": NaN}', "x", *HOSTILE]),
    *(("anything", {"arg-value": text}, {"arg-value"}) for text in ["", "None", "1e400", '"\\ud800"', DEEP, *HOSTILE]),
    *(("parcel", {"arg-value": text}, {"arg-value"}) for text in ["", "{}", '{"weight": -1}', '{"x": 1}', *HOSTILE]),
    *(("secret", {"arg-value": text}, {"arg-value"}) for text in ["", *HOSTILE]),
    *(("maybe", {"arg-value": text}, {"arg-value"}) for text in ["x", "None", *HOSTILE]),
    *(("whole", {"json-args": text}, {"json-args"}) for text in ["x", "{}", "1", "null", '"a"', DEEP, *HOSTILE]),
    *(("whole", {"json-args": text}, {"json-args"}) for text in ["[1, 2]", '["1"]', "[true]", "[NaN]", "[1e400]"]),
    *(("whole", {"json-kwargs": text}, {"json-kwargs"}) for text in ["x", "[]", "1", "null", "{}", *HOSTILE]),
    *(("whole", {"json-kwargs": text}, {"json-kwargs"}) for text in ['{"value":1,"value":1}', '{"other": 1}']),
    ("whole", {"json-kwargs": '{"value": {"__type__": 1}}'}, {"json-kwargs"}),
    ("whole", {"json-args": "[1]", "json-kwargs": '{"value": 1}'}, {"json-kwargs"}),
    ("whole", {"json-args": "[1]", "arg-value": "1"}, {"__all__"}),
    ("whole", {"arg-value": "1", "arg-other": "1"}, {"__all__"}),
    ("whole", {"arg-value": "1", "arg-": "1"}, {"__all__"}),
    ("whole", {"arg-value": "1", "json-other": "1"}, {"__all__"}),
    ("whole", {"arg-value": "1", "arg-self": "1"}, {"__all__"}),
    *(("whole", {"arg-value": "1", f"opt-{name}": "1"}, {"__all__"}) for name in ["link", "headers", "task_id", "Eta"]),
    *(("whole", {"arg-value": "1", f"opt-{name}": "1"}, {"__all__"}) for name in ["serializer", "routing_key", "x"]),
    *(
        ("whole", {"arg-value": "1", "opt-countdown": text}, {"opt-countdown"})
        for text in ["-1", "x", "nan", "1e9", "\x00", "1e400"]
    ),
    *(("whole", {"arg-value": "1", "opt-eta": text}, {"opt-eta"}) for text in ["x", "2001-01-01T10:00", *HOSTILE]),
    *(("whole", {"arg-value": "1", "opt-expires": text}, {"opt-expires"}) for text in ["x", "0", "2001-01-01", "-5"]),
    *(("whole", {"arg-value": "1", "opt-priority": text}, {"opt-priority"}) for text in ["x", "-1", "256", "1.5"]),
    *(("whole", {"arg-value": "1", "opt-queue": text}, {"opt-queue"}) for text in ["nowhere", "CELERY", *HOSTILE]),
    ("whole", {"arg-value": "1", "opt-countdown": "5", "opt-eta": "2999-01-01T10:00"}, {"opt-eta"}),
    (
        "whole",
        {"arg-value": "1", "opt-countdown": "x", "opt-priority": "256", "opt-queue": "nowhere", "opt-expires": "-5"},
        {"opt-countdown", "opt-priority", "opt-queue", "opt-expires"},
    ),
    ("every_form", {"arg-first": "1", "arg-second": "2026-01-31", "arg-others": '{"task": 1}'}, {"arg-others"}),
    ("every_form", {"arg-first": "1", "arg-second": "2026-01-31", "arg-others": '{"first": 1}'}, {"arg-others"}),
    ("every_form", {"arg-first": "1", "arg-second": "2026-01-31", "arg-rest": "[NaN]"}, {"arg-rest"}),
    ("every_form", {"arg-first": "1", "arg-second": "2026-01-31", "arg-others": "[]"}, {"arg-others"}),
    ("every_form", {"arg-first": "", "arg-second": "x", "arg-task": "x"}, {"arg-first", "arg-second", "arg-task"}),
    ("every_form", {"arg-first": "1", "arg-second": "2026-01-31", "arg-rest": json.dumps(["x" * 65_520])}, {"__all__"}),
    ("secrets", {}, {"arg-card"}),
    ("nobody", {"json-args": "{}"}, {"json-args"}),
    ("nobody", {"arg-value": "1"}, {"__all__"}),
]


def made(name, data, user=None, **options):
    if name == "nobody":
        return RunForm(Runnable(name="nobody.knows"), user or Everybody(), data, **options)
    return form(name, data, user, **options)


@pytest.mark.parametrize(("name", "data", "fields"), REFUSED)
def test_bad_input_is_refused_with_a_message_where_it_was_typed(name, data, fields):
    asked = made(name, data)
    assert not asked.is_valid()
    assert asked.errors.keys() == fields
    assert all(message[:400].endswith((".", "below 0")) for messages in asked.errors.values() for message in messages)
    assert (asked.args, asked.kwargs) == ([], {})


def test_two_hundred_bad_inputs_are_tried():
    assert len(REFUSED) >= 200


def test_what_is_refused_can_be_shown_again():
    template = Template(
        "{% load crispy_forms_tags %}"
        "{% for each in forms %}{% for field in each %}{{ field|as_crispy_field:'bootstrap5' }}{% endfor %}{% endfor %}"
    )
    for name, data, fields in REFUSED[::7]:
        asked = made(name, data)
        assert asked.errors.keys() == fields
        shown = template.render(Context({"forms": filter(None, (asked.fields, asked.json, asked.options))}))
        assert "required" not in shown.replace("requiredField", "").replace("it is required", "")


# task, POST, args, kwargs
SENT = [
    ("text", {"arg-value": " a\r\nb "}, [], {"value": " a\nb "}),
    ("whole", {"arg-value": "5"}, [], {"value": 5}),
    ("yes", {"arg-value": "False"}, [], {"value": False}),
    ("day", {"arg-value": "2026-01-31"}, [], {"value": date(2026, 1, 31)}),
    ("exact", {"arg-value": "1.10"}, [], {"value": Decimal("1.10")}),
    ("uuid", {"arg-value": ID}, [], {"value": UUID(ID)}),
    ("length", {"arg-value": "1:30"}, [], {"value": 90.0}),
    ("colour", {"arg-value": "RED"}, [], {"value": "red"}),
    ("colour", {"arg-value": "DEEP"}, [], {"value": [0, 0, 9]}),
    ("level", {"arg-value": "HIGH"}, [], {"value": 2}),
    ("words", {"arg-value": "b\r\na\r\n"}, [], {"value": ["a", "b"]}),
    ("pair", {"arg-value": "1,x"}, [], {"value": [1, "x"]}),
    ("by_day", {"arg-value": '{"2026-01-31": "1.5"}'}, [], {"value": {"2026-01-31": Decimal("1.5")}}),
    (
        "parcel",
        {"arg-value": '{"weight": "2", "due": "2026-01-31"}'},
        [],
        {"value": {"weight": Decimal(2), "due": date(2026, 1, 31), "colour": "red", "parts": []}},
    ),
    ("maybe", {"arg-value": ""}, [], {"value": None}),
    ("maybe_text", {"arg-value": ""}, [], {"value": None}),
    ("maybe_text", {"arg-value": " "}, [], {"value": " "}),
    ("by_name", {"arg-value": "RED,blue"}, [], {"value": ["red", "blue"]}),
    ("defaults", {}, [], {}),
    ("defaults", {"arg-text": "", "arg-number": "", "arg-flag": "", "arg-colour": "", "arg-nothing": ""}, [], {}),
    (
        "defaults",
        {"arg-flag": "false", "arg-colour": "RED", "arg-nothing": "1"},
        [],
        {"flag": False, "colour": "red", "nothing": 1},
    ),
    ("every_form", {"arg-first": "1", "arg-second": "2026-01-31"}, [1], {"second": date(2026, 1, 31)}),
    (
        "every_form",
        {"arg-first": "1", "arg-second": "2026-01-31", "arg-rest": '["x"]', "arg-others": '{"a": null}'},
        [1, date(2026, 1, 31), "x"],
        {"a": None},
    ),
    (
        "every_form",
        {"arg-first": "1", "arg-second": "2026-01-31", "arg-task": "7"},
        [1],
        {"second": date(2026, 1, 31), "task": 7},
    ),
    ("every_form", {"json-args": '[1, "2026-01-31", [2]]'}, [1, date(2026, 1, 31), [2]], {}),
    ("whole", {"json-kwargs": '{"value": 1}', "arg-value": " "}, [], {"value": 1}),
    ("days", {"json-args": '[["2026-01-31"]]'}, [[date(2026, 1, 31)]], {}),
    ("nobody", {"json-args": '["2026-01-31"]', "json-kwargs": '{"a": 1}'}, ["2026-01-31"], {"a": 1}),
    ("nobody", {}, [], {}),
    ("pickled", {"arg-value": '{"weight": 1}'}, [], {"value": Parcel(Decimal(1))}),
]


@pytest.mark.parametrize(("name", "data", "args", "kwargs"), SENT)
def test_what_is_typed_is_what_is_sent(name, data, args, kwargs):
    asked = made(name, data)
    assert asked.is_valid(), asked.errors
    assert (asked.args, asked.kwargs) == (args, kwargs)
    sent = [*asked.args, *asked.kwargs.values()]
    assert [type(each) for each in sent] == [type(each) for each in [*args, *kwargs.values()]]


def test_options_are_read_in_the_current_time_zone():
    zone = ZoneInfo("Asia/Tokyo")
    start = (datetime.now(zone) + timedelta(days=2)).replace(minute=30, second=0, microsecond=0)
    with django_timezone.override(zone):
        times = {"opt-eta": f"{start:%Y-%m-%dT%H:%M}", "opt-expires": f"{start:%Y-%m-%d} 23:59"}
        asked = form("whole", {"arg-value": "1", **times})
        assert asked.is_valid(), asked.errors
    assert asked.send_options.eta == start
    assert asked.send_options.expires == start.replace(hour=23, minute=59)


@pytest.mark.parametrize("text", ["2026-03-29T02:30", "2026-10-25T02:30"])  # it does not exist, and comes twice
def test_a_time_at_which_the_clocks_change_needs_its_offset_and_can_be_given_it(text):
    with django_timezone.override("Europe/Berlin"):
        asked = form("moment", {"arg-value": text, "opt-eta": text, "opt-expires": text})
        for name in ("arg-value", "opt-eta", "opt-expires"):
            assert asked.errors[name] == ["The clocks change then. Add the offset, such as +01:00."]
        for field in (asked.fields["value"], asked.options["eta"]):
            assert 'type="text"' in str(field)  # a browser's own picker takes none
        now = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))
        for name in ("eta", "expires"):
            with pytest.raises(BadInput, match="Add the offset"):
                read_options({name: text}, (), now)
            assert read_options({name: f"{text}+01:00"}, (), now).given()[name].isoformat() == f"{text}:00+01:00"


@pytest.mark.parametrize(
    "moment",
    ["2027-03-14T07:30", "2026-11-01T06:30", "2026-11-01T07:30"],
    ids=["before a clock is put forward", "before it is put back", "after that"],
)
def test_seconds_until_a_task_expires_are_as_long_as_ever_while_clocks_change(moment):
    now = datetime.fromisoformat(f"{moment}+00:00")
    with time_machine.travel(now, tick=False), django_timezone.override("America/Chicago"):
        for seconds in (60, 7200):
            assert read_options({"expires": seconds}, ()).expires - now == timedelta(seconds=seconds)


def test_options_are_aware_on_a_site_without_time_zones(settings):
    settings.USE_TZ = False
    day = f"{datetime.now() + timedelta(days=2):%Y-%m-%d}"
    for expires in (f"{day}T12:00", "300000"):
        asked = form("whole", {"arg-value": "1", "opt-eta": f"{day}T10:00", "opt-expires": expires})
        assert asked.is_valid(), asked.errors
        assert asked.send_options.eta.tzinfo is not None
        assert asked.send_options.expires.tzinfo is not None


def test_options_of_numbers_and_the_queue():
    data = {"arg-value": "1", "opt-countdown": "1.5", "opt-expires": "60", "opt-priority": "7", "opt-queue": "slow"}
    asked = RunForm(runnable("whole", queues=("slow",)), Everybody(), data)
    assert asked.is_valid(), asked.errors
    options = asked.send_options
    assert (options.countdown, options.priority, options.queue) == (1.5, 7, "slow")
    assert timedelta(seconds=50) < options.expires - django_timezone.now() <= timedelta(seconds=60)


def test_a_name_that_comes_twice_is_refused():
    assert form("whole", QueryDict("arg-value=1&arg-value=2")).errors.keys() == {"__all__"}


def test_several_flags_that_are_chosen_are_one_value_and_stay_chosen_when_something_else_is_wrong():
    chosen = "arg-value=READ&arg-value=WRITE"
    assert form("right", QueryDict(chosen)).errors == {}
    refused = form("right", QueryDict(f"{chosen}&opt-countdown=x"))
    assert refused.errors.keys() == {"opt-countdown"}
    assert re.findall(r'value="(\w+)" selected', str(refused.fields["value"])) == ["READ", "WRITE"]


def test_names_that_are_not_known_show_cut_and_clean():
    message = form("whole", {"arg-value": "1", "arg-<b>\x1b\u202e" + "x" * 999: ""}).non_field_errors[0]
    assert message.isprintable()
    assert len(message) < 120


def test_widgets_suit_the_kinds():
    widgets = {
        name: form(name).fields["value"].field.widget
        for name in (
            "yes",
            "colour",
            "literal",
            "day",
            "moment",
            "clock",
            "secret",
            "numbers",
            "anything",
            "whole",
            "text",
        )
    }
    kinds = {name: getattr(each, "input_type", type(each).__name__) for name, each in widgets.items()}
    assert kinds == {
        "yes": "select",
        "colour": "select",
        "literal": "select",
        "day": "date",
        "moment": "datetime-local",
        "clock": "time",
        "secret": "password",
        "numbers": "Textarea",
        "anything": "Textarea",
        "whole": "text",
        "text": "text",
    }


class Size(TextChoices):
    LARGE = "l", "as large as it goes"


def test_helps_say_what_to_enter_and_the_default_in_words():
    fields = form("defaults").fields.fields
    assert {name: field.help_text for name, field in fields.items()} == {
        "text": "text or JSON; left empty: 'x'",
        "number": "a whole number; left empty: 3",
        "flag": "true or false; left empty: true",
        "colour": "one of these; left empty: BLUE",
        "nothing": "a whole number, or nothing",
    }
    assert default_text(Parameter("a", kind_of(list[int]), False, (1, 2))) == "[1, 2]"
    assert default_text(Parameter("password", kind_of(str), False, "hunter2")) == "'[redacted]'"
    assert default_text(Parameter("a", kind_of(int), False, object())) == "[object]"
    assert default_text(Parameter("a", kind_of(Level), False, Level.HIGH)) == "HIGH"
    assert default_text(Parameter("a", kind_of(Size), False, Size.LARGE)) == "as large as it goes"
    assert fields["flag"].label == "flag"
    assert form("defaults").fields["flag"].field.widget is not None
    assert dict(form("defaults").fields["colour"].field.widget.choices)[""] == "left empty: BLUE"


class TestSecrets:
    def test_a_default_is_not_shown(self):
        assert form("secrets").fields.fields["pin"].help_text == "a whole number"

    def test_a_value_is_not_shown_again(self):
        for data in ({"arg-card": "hunter2", "arg-pin": "x"}, {"json-kwargs": '{"card": "hunter2", "pin": "x"}'}):
            asked = form("secrets", data)
            assert asked.errors
            assert "hunter2" not in str(asked.errors)
            assert "hunter2" not in f"{asked.fields}{asked.json}{asked.options}"

    def test_a_run_that_is_repeated_does_not_show_them(self):
        asked = form("secrets", initial=(["hunter2"], {"note": "n"}))
        assert asked.left_out == ("card",)
        assert "hunter2" not in str(asked.fields)
        assert asked.fields["note"].value() == "n"


# task, the arguments of a run, the texts in the fields, what they cannot show
REPEATED = [
    ("day", [date(2026, 1, 31)], {}, {"value": "2026-01-31"}, ()),
    ("day", [], {"value": "2026-01-31"}, {"value": "2026-01-31"}, ()),
    ("day", ["x"], {}, {}, ("value",)),
    ("colour", ["red"], {}, {"value": "RED"}, ()),
    ("length", [90.0], {}, {"value": "00:01:30"}, ()),
    ("exact", [Decimal("1.10")], {}, {"value": "1.10"}, ()),
    ("words", [["a"]], {}, {"value": '["a"]'}, ()),
    ("text", ["a\nb"], {}, {"value": "a\nb"}, ()),
    ("text", ["a\r\nb"], {}, {}, ("value",)),
    ("text", [""], {}, {}, ("value",)),
    ("maybe", [None], {}, {"value": ""}, ()),
    ("maybe_text", [""], {}, {}, ("value",)),
    ("defaults", [], {"nothing": None, "number": 3}, {"nothing": "", "number": "3"}, ()),
    ("whole", [1, 2], {"other": 3}, {"value": "1"}, ("args", "other")),
    ("whole", [object()], {}, {}, ("value",)),
    (
        "every_form",
        [1, date(2026, 1, 31), "x"],
        {"a": 1},
        {"first": "1", "second": "2026-01-31", "rest": '["x"]', "others": '{\n  "a": 1\n}'},
        (),
    ),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "texts", "left_out"), REPEATED)
def test_a_run_that_is_repeated_fills_the_fields(name, args, kwargs, texts, left_out):
    asked = form(name, initial=(args, kwargs))
    shown = {field.name: field.value() for field in asked.fields if field.value() is not None}
    assert (shown, asked.left_out) == (texts, left_out)
    if not left_out:
        again = form(name, {f"arg-{field}": text for field, text in shown.items()})
        assert again.is_valid(), again.errors


def test_a_moment_that_html_cannot_hold_is_shown_as_text():
    value = datetime(2026, 1, 31, 14, 30, 0, 123456, tzinfo=timezone.utc)
    widget = form("moment", initial=([value], {})).fields["value"].field.widget
    assert widget.input_type == "text"


def test_a_task_that_nobody_knows_is_filled_as_json():
    asked = made("nobody", None, initial=([1, date(2026, 1, 31)], {"a": 1}))
    assert asked.fields is None
    assert json.loads(asked.json["args"].value()) == [1, "2026-01-31"]
    assert json.loads(asked.json["kwargs"].value()) == {"a": 1}


def test_fields_that_are_blank_beside_json_have_no_errors():
    asked = form("whole", {"json-args": '["x"]', "arg-value": ""})
    assert asked.errors.keys() == {"json-args"}
    assert not asked.fields.errors


class ParcelForm(forms.Form):
    value = forms.DecimalField(max_value=10)
    due = forms.DateField(required=False)
    order = forms.ModelChoiceField(Order.objects.all(), required=False)


class TestSitesOwnForm:
    def made(self, data, name="every_form", path="tests.running.test_run_form.NamedForm", **options):
        return RunForm(runnable(name, form=path), Everybody(), data, **options)

    @pytest.mark.django_db
    def test_its_cleaned_data_are_the_keyword_arguments(self, order):
        asked = self.made({"arg-first": "1", "arg-second": "2026-01-31", "arg-order": str(order.pk)}, path=NamedForm)
        assert asked.is_valid(), asked.errors
        assert (asked.args, asked.kwargs) == ([1], {"second": date(2026, 1, 31), "order": order.pk, "note": ""})

    @pytest.mark.django_db
    def test_its_errors_are_its_fields(self):
        asked = self.made({"arg-first": "99", "arg-second": "", "arg-order": "7"}, path=NamedForm)
        assert asked.errors.keys() == {"arg-first", "arg-second", "arg-order"}

    def test_a_field_that_the_task_does_not_take_is_refused(self):
        asked = self.made({"arg-value": "1", "arg-due": "2026-01-31"}, name="exact", path=DueForm)
        assert asked.errors == {"__all__": ["There is no parameter “due”."]}

    def test_a_parameter_that_it_lacks_is_refused(self):
        asked = self.made({"arg-due": "2026-01-31"}, name="every_form", path=OnlyDueForm)
        assert len(asked.errors["__all__"]) == 2

    @pytest.mark.parametrize("data", [{"arg-value": "1"}, {"json-kwargs": '{"value": 1}'}])
    def test_a_field_for_a_file_is_said_to_be_none_that_can_be_sent(self, data):
        said = "Files cannot be sent to a task: the form of this one has fields for them (scan)."
        assert self.made(data, name="exact", path=ScannedForm).errors == {"__all__": [said]}
        with pytest.raises(BadInput, match=re.escape(said)):
            carried_arguments(runnable("exact", form=ScannedForm), Everybody(), [1], {})

    @pytest.mark.parametrize("note", ["\ud800", HUGE])
    @pytest.mark.django_db
    def test_its_values_are_held_to_the_limits(self, note):
        asked = self.made({"arg-first": "1", "arg-second": "2026-01-31", "arg-note": note}, path=NamedForm)
        assert asked.errors.keys() == {"__all__"}

    @pytest.mark.django_db
    def test_json_beside_it_goes_through_it_as_well(self):
        asked = self.made({"json-kwargs": '{"card": "x", "pin": "5"}'}, name="secrets", path=CardForm)
        assert asked.is_valid(), asked.errors
        assert asked.kwargs == {"card": "x", "pin": 5}
        assert not asked.fields.errors

    @pytest.mark.parametrize(
        "text", ['{"first": 99}', '{"other": 1}', "[]", "x", "{}", '{"note": {"__type__": 1}}', '{"second": [1]}']
    )
    @pytest.mark.django_db
    def test_json_that_it_refuses_is_refused(self, text):
        assert self.made({"json-kwargs": text}, path=NamedForm).errors.keys() == {"json-kwargs"}

    @pytest.mark.django_db
    def test_a_secret_in_it_is_a_password(self):
        asked = self.made({"arg-card": "hunter2"}, name="secrets", path=CardForm)
        assert asked.errors
        assert "hunter2" not in str(asked.fields)


class NamedForm(forms.Form):
    first = forms.IntegerField(max_value=10)
    second = forms.DateField()
    order = forms.ModelChoiceField(Order.objects.all(), required=False)
    note = forms.CharField(required=False)


class ScannedForm(forms.Form):
    value = forms.DecimalField()
    scan = forms.ImageField(required=False)


class DueForm(forms.Form):
    value = forms.DecimalField()
    due = forms.DateField()


class OnlyDueForm(forms.Form):
    due = forms.DateField()


class CardForm(forms.Form):
    card = forms.CharField()
    pin = forms.IntegerField()


@pytest.mark.django_db
class TestObjects:
    def test_an_object_is_chosen_from_those_that_may_be_seen(self, order):
        asked = form("order")
        assert [value for value, _label in asked.fields["value"].field.widget.choices] == ["", str(order.pk)]

    def test_an_object_that_may_not_be_seen_reads_as_one_that_is_not_there(self, order):
        class Nobody:
            is_active, is_staff = True, False

            def has_perm(self, *_):
                return False

        unseen = form("order", {"arg-value": str(order.pk)}, Nobody()).errors
        absent = form("order", {"arg-value": str(order.pk + 1)}, Nobody()).errors
        assert unseen == absent != {}
        in_json = form("orders", {"json-args": f"[[{order.pk}]]"}, Nobody())
        assert in_json.errors.keys() == {"json-args"}
        assert [value for value, _label in form("order", None, Nobody()).fields["value"].field.widget.choices] == [""]

    def test_its_key_is_sent(self, order):
        asked = form("order", {"arg-value": str(order.pk)})
        assert asked.is_valid(), asked.errors
        assert asked.kwargs == {"value": order.pk}

    def test_more_than_100_are_typed(self, order):
        Order.objects.bulk_create(Order() for _ in range(100))
        asked = form("order", {"arg-value": str(order.pk)})
        assert asked.is_valid()
        assert asked.fields["value"].field.widget.input_type == "text"

    def test_sending_asks_for_one_object_alone(self, order, django_assert_num_queries):
        registry.signature(runnable("order").name)
        with django_assert_num_queries(1):
            assert form("order", {"arg-value": str(order.pk)}).is_valid()


def test_a_form_is_not_valid_before_anything_is_asked():
    assert not form("whole").is_valid()
    assert form("whole").errors == {}


def test_an_enum_is_chosen_by_its_value_too():
    assert form("colour", {"arg-value": Colour.BLUE.value}).errors == {}
