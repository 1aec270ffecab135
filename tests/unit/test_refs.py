"""The one name that an object has, whatever form its key comes in."""

import uuid
from decimal import Decimal

import pytest

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
