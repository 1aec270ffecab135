"""The one name that an object has, whatever form its key comes in."""

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import models
from django.test.utils import isolate_apps

from celery_ops.tracking.refs import ObjectRef, key_of
from tests.shop.models import Document, Express, Item, Order, Page, Seat

KEY = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("model", "value", "text"),
    [
        (Order, 1, "1"),
        (Order, "1", "1"),
        (Order, "01", "1"),
        (Order, 1.0, "1"),
        (Order, Decimal(1), "1"),
        (Order, -5, "-5"),
        (Order, 2**80, str(2**80)),
        (Order, Order(pk=7), "7"),
        (Item, KEY, str(KEY)),
        (Item, str(KEY), str(KEY)),
        (Item, KEY.hex.upper(), str(KEY)),
        (Item, Item(pk=KEY), str(KEY)),
        (Page, "a/b:c*d?[e]{f}\n", "a/b:c*d?[e]{f}\n"),
        (Page, "01", "01"),
        (Page, " ", " "),
        (Page, "\ud800", "\ud800"),
        (Page, 5, "5"),
        (Seat, ("A", 1), '["A","1"]'),
        (Seat, ["A", "01"], '["A","1"]'),
        (Seat, ('"', 1), '["\\"","1"]'),
    ],
)
def test_every_form_of_a_key_has_one_text(model, value, text):
    assert ObjectRef.build(model, value).pk == text


@pytest.mark.parametrize(
    ("model", "value"),
    [
        *((model, value) for model in (Order, Item, Page, Seat) for value in (None, "", True, False, {}, [], set())),
        *((Order, value) for value in ("x", 1.5, Decimal("1.5"), float("nan"), float("inf"), "1.5", "9" * 5000)),
        (Order, Decimal("NaN")),
        pytest.param(Order, 10**5000, id="huge"),
        (Order, Order()),
        (Item, "x"),
        (Item, 5.5),
        (Item, 2**200),
        (Page, 1.5),
        *((Seat, value) for value in ("A1", ("A",), ("A", 1, 2), ("A", None), ("A", "x"), 5)),
    ],
)
def test_what_cannot_be_a_key_is_refused(model, value):
    with pytest.raises(ValueError, match=r"primary key|limit"):
        ObjectRef.build(model, value)


@isolate_apps("tests.shop")
def test_amounts_and_times_are_keys_as_their_columns_hold_them():
    amount = models.DecimalField(max_digits=8, decimal_places=2, primary_key=True)
    at, day = models.DateTimeField(), models.DateField()
    price = a_model("Price", amount=amount)
    discount = a_model("Discount", price=models.OneToOneField(price, primary_key=True, on_delete=models.CASCADE))
    share = a_model("Share", part=models.FloatField(primary_key=True))
    reading = a_model("Reading", pk=models.CompositePrimaryKey("at", "day"), at=at, day=day)
    east = datetime(2026, 1, 2, 8, tzinfo=timezone(timedelta(hours=5)))

    assert texts(price, Decimal("12.50"), Decimal("12.5"), 12.5, "12.5") == {"12.50"}
    assert texts(price, 12, 12.0, "12", Decimal("1.2E1")) == {"12.00"}
    assert ObjectRef.of(discount(price=price(amount=Decimal("0.1")))).pk == "0.10"
    assert ObjectRef.of(share(part=0.25)).pk == "0.25"
    assert texts(reading, *((time, "2026-01-02") for time in (east, east.astimezone(timezone.utc), str(east)))) == {
        '["2026-01-02 03:00:00+00:00","2026-01-02"]'
    }


@pytest.mark.parametrize("value", [Decimal("1.255"), "1.255", Decimal("NaN"), "NaN", float("inf"), 10**9, "x", True])
@isolate_apps("tests.shop")
def test_what_the_column_of_an_amount_does_not_hold_is_no_key(value):
    price = a_model("Price", amount=models.DecimalField(max_digits=8, decimal_places=2, primary_key=True))
    with pytest.raises(ValueError, match="primary key"):
        ObjectRef.build(price, value)


def a_model(name, **fields):
    return type(name, (models.Model,), {"__module__": "tests.shop.models", **fields})


def texts(model, *values):
    return {ObjectRef.build(model, value).pk for value in values}


@pytest.mark.parametrize(
    ("instance", "ref"),
    [
        (Order(pk=1), ObjectRef("shop.order", "1")),
        (Order(pk="01"), ObjectRef("shop.order", "1")),
        (Express(pk=1), ObjectRef("shop.order", "1")),
        (Item(pk=KEY), ObjectRef("shop.item", str(KEY))),
        (Seat(row="A", number=1), ObjectRef("shop.seat", '["A","1"]')),
    ],
)
def test_an_instance_has_the_name_that_its_key_has(instance, ref):
    assert ObjectRef.of(instance) == ref


def test_a_deferred_instance_has_the_name_of_its_model(order):
    assert ObjectRef.of(Order.objects.only("reference").get()) == ObjectRef.of(order)


@pytest.mark.parametrize("instance", [Order(), Seat(row="A"), Page()], ids=repr)
def test_an_unsaved_instance_has_no_name(instance):
    with pytest.raises(ValueError, match="is not a primary key"):
        ObjectRef.of(instance)


@pytest.mark.parametrize("value", [None, 1, "shop.Order", Order])
def test_what_is_no_instance_has_no_name(value):
    with pytest.raises(TypeError, match="expected a model instance"):
        ObjectRef.of(value)


def test_objects_of_different_models_differ_with_the_same_key():
    assert ObjectRef.of(Order(pk=1)) != ObjectRef.of(Document(pk=1))


@pytest.mark.parametrize(("model", "value"), [(Order, 5), (Item, KEY), (Page, "a/b"), (Seat, ("A", 1))])
def test_a_name_leads_back_to_the_object(db, model, value):
    instance = model(pk=value)
    instance.save(force_insert=True)
    assert model.objects.get(pk=key_of(model, ObjectRef.of(instance).pk)) == instance
